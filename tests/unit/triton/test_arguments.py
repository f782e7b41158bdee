"""Triton's command line: what it always and what it never says."""

import pytest

from trifocal.triton.arguments import server_arguments
from trifocal.triton.images import Release, TritonImage

RELEASES: list[Release | None] = [None, (24, 10), (26, 1), (26, 7)]


def arguments(release: Release | None) -> tuple[str, ...]:
    image = TritonImage(reference="x", release=release, backend="onnxruntime")
    return server_arguments(image, restricted_key="key")


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize(
    "argument",
    [
        "--model-control-mode=none",
        "--exit-on-error=true",
        "--strict-readiness=true",
        "--disable-auto-complete-config",
        "--allow-sagemaker=false",
        "--allow-vertex-ai=false",
        "--http-address=127.0.0.1",
    ],
)
def test_every_release_is_locked_down(release: Release | None, argument: str) -> None:
    assert argument in arguments(release)


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("option", ["--http-restricted-api", "--grpc-restricted-protocol"])
def test_what_clients_do_not_need_is_restricted_and_the_rest_is_open(
    release: Release | None, option: str
) -> None:
    (value,) = [a.partition("=")[2] for a in arguments(release) if a.startswith(f"{option}=")]
    apis, _, header = value.partition(":")
    # Triton's own list of groups, less health, metadata and inference.
    assert set(apis.split(",")) == {
        "shared-memory",
        "model-config",
        "model-repository",
        "statistics",
        "trace",
        "logging",
    }
    assert header == "trifocal-restricted=key"


@pytest.mark.parametrize("release", [None, (24, 10), (26, 4)])
def test_a_release_without_the_shared_memory_flag_is_not_given_it(
    release: Release | None,
) -> None:
    assert not any("shm" in argument for argument in arguments(release))


def test_a_release_with_the_shared_memory_flag_is_told_to_refuse_clients() -> None:
    assert "--allow-client-shm=false" in arguments((26, 5))


@pytest.mark.parametrize(
    ("release", "present"), [(None, False), ((24, 10), False), ((26, 1), True)]
)
def test_the_histogram_is_asked_for_where_it_exists(
    release: Release | None, *, present: bool
) -> None:
    assert ("--metrics-config=histogram_latencies=true" in arguments(release)) is present


@pytest.mark.parametrize("release", RELEASES)
def test_metrics_are_not_hidden_on_loopback_with_the_http_server(release: Release | None) -> None:
    assert "--metrics-address=0.0.0.0" in arguments(release)
