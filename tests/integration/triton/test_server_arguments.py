"""The serving pod's command line on a real server: accepted, and in force."""

import http.client
from collections.abc import Callable

import pytest
import tritonclient.grpc
from tritonclient.utils import InferenceServerException

from tests.integration.triton.conftest import RESTRICTED_KEY
from tests.integration.triton.real_server import RunningTriton
from trifocal.triton.arguments import RESTRICTION_HEADER

pytestmark = pytest.mark.integration


def status_of(server: RunningTriton, path: str, headers: dict[str, str] | None = None) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", server.http_port, timeout=10)
    try:
        connection.request("GET", path, headers=headers or {})
        return connection.getresponse().status
    finally:
        connection.close()


@pytest.mark.parametrize(
    "path",
    ["/v2", "/v2/health/ready", "/v2/health/live", "/v2/models/small", "/v2/models/small/ready"],
)
def test_health_and_metadata_are_open(triton: RunningTriton, path: str) -> None:
    assert status_of(triton, path) == 200


@pytest.mark.parametrize(
    "path",
    [
        "/v2/models/small/config",
        "/v2/models/small/stats",
        "/v2/systemsharedmemory/status",
        "/v2/cudasharedmemory/status",
        "/v2/trace/setting",
        "/v2/logging",
    ],
)
def test_what_clients_do_not_need_is_refused_without_the_key(
    triton: RunningTriton, path: str
) -> None:
    assert status_of(triton, path) == 403


def test_the_key_opens_what_is_restricted(triton: RunningTriton) -> None:
    headers = {RESTRICTION_HEADER: RESTRICTED_KEY}
    assert status_of(triton, "/v2/models/small/config", headers) == 200


@pytest.mark.parametrize(
    "call",
    [
        lambda client: client.get_model_config("small"),
        lambda client: client.get_inference_statistics("small"),
        lambda client: client.get_system_shared_memory_status(),
        lambda client: client.get_model_repository_index(),
        lambda client: client.get_trace_settings(),
        lambda client: client.get_log_settings(),
    ],
    ids=["config", "statistics", "shared-memory", "repository", "trace", "logging"],
)
def test_the_same_holds_for_grpc(triton: RunningTriton, call: Callable[..., object]) -> None:
    with tritonclient.grpc.InferenceServerClient(triton.grpc) as client:
        assert client.get_model_metadata("small").name == "small"
        with pytest.raises(InferenceServerException, match="restricted"):
            call(client)


def test_models_cannot_be_loaded_or_unloaded(triton: RunningTriton) -> None:
    headers = {f"triton-grpc-protocol-{RESTRICTION_HEADER}": RESTRICTED_KEY}
    with (
        tritonclient.grpc.InferenceServerClient(triton.grpc) as client,
        pytest.raises(InferenceServerException, match=r"explicit|not allowed"),
    ):
        client.unload_model("small", headers=headers)


def test_latency_summaries_are_there_once_requests_have_been_answered(
    triton: RunningTriton,
) -> None:
    """The warm-up is enough: it is counted like any client's requests."""
    samples = triton.samples("small", answered=1)
    assert 0.99 in samples.request_quantiles_microseconds
