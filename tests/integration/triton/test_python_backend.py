"""The python backend's model.py on a real Triton server."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import tritonclient.grpc
import tritonclient.http
from tritonclient.utils import InferenceServerException

from tests.integration.triton.real_server import RunningTriton
from tests.integration.triton.small_model import INPUTS, SIDE
from trifocal.triton import exposition
from trifocal.triton.smoke_input import smoke_input

pytestmark = pytest.mark.integration


def _input(image):
    tensor = tritonclient.http.InferInput("image", image.shape, "FP32")
    tensor.set_data_from_numpy(image)
    return tensor


def ask(client, module, image):
    tensor = module.InferInput("image", image.shape, "FP32")
    tensor.set_data_from_numpy(image)
    return client.infer("small", [tensor]).as_numpy("scores")


@pytest.mark.parametrize("seed", [1, 2])
def test_answers_equal_onnxruntimes_bit_for_bit_over_http_and_grpc(
    triton: RunningTriton, small_model: Path, seed: int
) -> None:
    image = smoke_input(seed, INPUTS)["image"]
    expected = onnxruntime.InferenceSession(small_model).run(None, {"image": image})[0]

    with tritonclient.http.InferenceServerClient(triton.http) as client:
        assert np.array_equal(ask(client, tritonclient.http, image), expected)
    with tritonclient.grpc.InferenceServerClient(triton.grpc) as client:
        assert np.array_equal(ask(client, tritonclient.grpc, image), expected)


def test_requests_of_many_clients_share_executions_and_each_gets_its_own_answer(
    triton: RunningTriton, small_model: Path
) -> None:
    images = [
        np.random.default_rng(i).random((1 + i % 3, 3, SIDE, SIDE), np.float32) for i in range(24)
    ]
    session = onnxruntime.InferenceSession(small_model)
    before = exposition.parse(triton.metrics())["small"]

    with tritonclient.http.InferenceServerClient(triton.http, concurrency=12) as client:
        pending = [client.async_infer("small", [_input(image)]) for image in images]
        answers = [request.get_result().as_numpy("scores") for request in pending]

    for image, answer in zip(images, answers, strict=True):
        np.testing.assert_allclose(
            answer, session.run(None, {"image": image})[0], rtol=0, atol=1e-5
        )
    after = exposition.parse(triton.metrics())["small"]
    assert after.success - before.success == len(images)
    assert after.inferences - before.inferences == sum(len(image) for image in images)
    assert after.executions - before.executions < len(images)
