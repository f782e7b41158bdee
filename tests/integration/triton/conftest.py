"""The installed server, and one running server that the tests share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.triton import real_server
from tests.integration.triton.real_server import Installation, RunningTriton
from tests.integration.triton.small_model import IMAGE, write_model, write_repository
from trifocal.api.serving import Batching, ServingSpec
from trifocal.triton.arguments import server_arguments

WARM_UPS = 3
"""Runs of each warm-up; Triton makes a batch of requests of one each, and counts them all."""
RESTRICTED_KEY = "0123456789abcdef"


@pytest.fixture(scope="session")
def triton_installation() -> Installation:
    return real_server.install()


@pytest.fixture(scope="session")
def small_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "model.onnx"
    write_model(path)
    return path


@pytest.fixture(scope="session")
def triton(
    triton_installation: Installation,
    small_model: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[RunningTriton]:
    """Started with exactly the arguments of a serving pod; batches wait 20 ms to fill up."""
    repository = write_repository(
        tmp_path_factory.mktemp("models"),
        small_model,
        serving=ServingSpec(
            batching=Batching(max_batch_size=8, max_queue_delay_microseconds=20_000)
        ),
    )
    arguments = server_arguments(IMAGE, restricted_key=RESTRICTED_KEY)
    with real_server.running(triton_installation, repository, arguments) as server:
        server.samples("small", WARM_UPS * (1 + 8))
        yield server
