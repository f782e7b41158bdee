"""The HTTP front on a real nginx before a real server."""

import http.client
from collections.abc import Iterator

import numpy as np
import pytest
import tritonclient.http
from tritonclient.utils import InferenceServerException

from tests.integration.triton.nginx import front_before
from tests.integration.triton.real_server import RunningTriton
from tests.integration.triton.small_model import INPUTS, SIDE
from trifocal.triton.smoke_input import smoke_input

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def front(triton: RunningTriton, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with front_before(triton.http_port, "small", tmp_path_factory.mktemp("front")) as port:
        yield port


def infer(port: int, image: np.ndarray, **options: str) -> np.ndarray:
    tensor = tritonclient.http.InferInput("image", list(image.shape), "FP32")
    tensor.set_data_from_numpy(image)
    with tritonclient.http.InferenceServerClient(f"127.0.0.1:{port}") as client:
        scores: np.ndarray = client.infer("small", [tensor], **options).as_numpy("scores")
        return scores


def test_answers_pass_unchanged(triton: RunningTriton, front: int) -> None:
    image = smoke_input(5, INPUTS)["image"]
    assert np.array_equal(infer(front, image), infer(triton.http_port, image))


def test_a_model_version_may_be_named(front: int) -> None:
    assert infer(front, smoke_input(5, INPUTS)["image"], model_version="1").shape == (1, 4)


def test_a_large_batch_passes(front: int) -> None:
    image = np.zeros((8, 3, SIDE, SIDE), np.float32)
    assert infer(front, image).shape == (8, 4)


def test_tritons_own_refusal_reaches_the_client(front: int) -> None:
    with pytest.raises(InferenceServerException, match=r"unexpected shape for input 'image'"):
        infer(front, np.zeros((1, 3, SIDE + 1, SIDE), np.float32))


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v2/health/ready", 200),
        ("GET", "/v2/models/small", 200),
        ("GET", "/v2/models/small/ready", 200),
        ("GET", "/v2/models/small/config", 403),
        ("GET", "/v2/models/other", 403),
        ("POST", "/v2/repository/index", 403),
        ("POST", "/v2/systemsharedmemory/region/x/register", 403),
        ("POST", "/v2/health/ready", 403),
        ("GET", "/v2/models/small/infer", 403),
        ("GET", "/v2/models/../repository/index", 403),
        ("GET", "/v2/models/small/infer/%2e%2e/config", 403),
    ],
)
def test_only_what_clients_need_passes(front: int, method: str, path: str, status: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", front, timeout=10)
    try:
        connection.request(method, path)
        assert connection.getresponse().status == status
    finally:
        connection.close()


def test_a_refusal_says_what_is_served(front: int) -> None:
    with (
        tritonclient.http.InferenceServerClient(f"127.0.0.1:{front}") as client,
        pytest.raises(InferenceServerException, match="Only health, metadata and inference"),
    ):
        client.get_model_config("small")
