"""The python backend's model.py on a real Triton server."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import tritonclient.grpc
import tritonclient.http
from numpy.typing import NDArray
from tritonclient.utils import InferenceServerException

from tests.integration.triton import real_server
from tests.integration.triton.conftest import RESTRICTED_KEY, WARM_UPS
from tests.integration.triton.real_server import Installation, RunningTriton
from tests.integration.triton.small_model import (
    IMAGE,
    INPUTS,
    SIDE,
    lookup_tensors,
    write_lookup,
    write_repository,
)
from trifocal.api.serving import Batching, ServingSpec
from trifocal.triton.arguments import server_arguments
from trifocal.triton.smoke_input import smoke_input

pytestmark = pytest.mark.integration

Array = NDArray[Any]


def tensor_of(library: Any, name: str, array: Array) -> Any:
    datatype = {"float32": "FP32", "int64": "INT64"}[array.dtype.name]
    tensor = library.InferInput(name, list(array.shape), datatype)
    tensor.set_data_from_numpy(array)
    return tensor


def ask(library: Any, address: str, image: Array) -> Array:
    with library.InferenceServerClient(address) as client:
        answer: Array = client.infer("small", [tensor_of(library, "image", image)]).as_numpy(
            "scores"
        )
        return answer


@pytest.mark.parametrize("seed", [1, 2])
def test_answers_equal_onnxruntimes_bit_for_bit_over_http_and_grpc(
    triton: RunningTriton, small_model: Path, seed: int
) -> None:
    image = smoke_input(seed, INPUTS)["image"]
    expected = onnxruntime.InferenceSession(small_model).run(None, {"image": image})[0]
    assert np.array_equal(ask(tritonclient.http, triton.http, image), expected)
    assert np.array_equal(ask(tritonclient.grpc, triton.grpc, image), expected)


def test_requests_of_many_clients_share_executions_and_each_gets_its_own_answer(
    triton: RunningTriton, small_model: Path
) -> None:
    images = [
        np.random.default_rng(i).random((1 + i % 3, 3, SIDE, SIDE), np.float32) for i in range(24)
    ]
    session = onnxruntime.InferenceSession(small_model)
    before = triton.samples("small")

    with tritonclient.http.InferenceServerClient(triton.http, concurrency=12) as client:
        pending = [
            client.async_infer("small", [tensor_of(tritonclient.http, "image", image)])
            for image in images
        ]
        answers = [request.get_result().as_numpy("scores") for request in pending]

    for image, answer in zip(images, answers, strict=True):
        expected = session.run(None, {"image": image})[0]
        np.testing.assert_allclose(answer, expected, rtol=0, atol=1e-5)
    after = triton.samples("small", before.success + len(images))
    assert after.success - before.success == len(images)
    assert after.inferences - before.inferences == sum(len(image) for image in images)
    assert after.executions - before.executions < len(images)


@pytest.fixture(scope="module")
def lookups(
    triton_installation: Installation, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningTriton]:
    """A batched and an unbatched table; batches wait until they are full, or half a second."""
    folder = tmp_path_factory.mktemp("lookups")
    waiting = ServingSpec(batching=Batching(max_batch_size=4, max_queue_delay_microseconds=500_000))
    for name, batch, size in (("batched", "N", -1), ("single", 1, 1)):
        write_lookup(folder / f"{name}.onnx", batch=batch)
        write_repository(
            folder / "models",
            folder / f"{name}.onnx",
            name=name,
            serving=waiting,
            tensors=lookup_tensors(size),
        )
    arguments = server_arguments(IMAGE, restricted_key=RESTRICTED_KEY)
    with real_server.running(triton_installation, folder / "models", arguments) as server:
        server.samples("batched", WARM_UPS * (1 + 4))
        yield server


def look_up(server: RunningTriton, model: str, indices: Sequence[int]) -> list[Any]:
    """Answers and errors of requests that are sent at once, one index each."""
    found: list[Any] = []
    with tritonclient.http.InferenceServerClient(server.http, concurrency=8) as client:
        pending = [
            client.async_infer(
                model, [tensor_of(tritonclient.http, "index", np.array([[i]], np.int64))]
            )
            for i in indices
        ]
        for request in pending:
            try:
                found.append(request.get_result().as_numpy("scores").tolist())
            except InferenceServerException as error:
                found.append(error.message())
    return found


def test_one_bad_request_of_a_batch_fails_alone_and_in_a_sentence(lookups: RunningTriton) -> None:
    before = lookups.samples("batched")
    first, bad, second, third = look_up(lookups, "batched", [0, 9, 2, 3])
    assert (first, second, third) == ([[0, 1]], [[4, 5]], [[6, 7]])
    assert "ONNX Runtime could not execute the model on this request: " in bad
    assert "out of data bounds" in bad
    after = lookups.samples("batched", before.success + 4)
    assert after.executions - before.executions == 1


def test_tritons_counters_take_a_programs_error_answer_for_a_success(
    lookups: RunningTriton,
) -> None:
    """Seen on 2.51: whoever counts failures from metrics does not see these."""
    before = lookups.samples("batched")
    look_up(lookups, "batched", [9])
    after = lookups.samples("batched", before.success + 1)
    assert after.success - before.success == 1
    assert after.failure == before.failure


def test_a_model_without_a_batch_dimension_answers_one_by_one(lookups: RunningTriton) -> None:
    assert look_up(lookups, "single", [0, 1, 2]) == [[[0, 1]], [[2, 3]], [[4, 5]]]


def test_a_bad_request_to_a_model_without_a_batch_dimension_fails_in_a_sentence(
    lookups: RunningTriton,
) -> None:
    (bad,) = look_up(lookups, "single", [9])
    assert "out of data bounds" in bad
