"""The smoke inference against real servers: the right model, wrong ones, and none."""

import asyncio
from pathlib import Path
from typing import Any

import onnxruntime
import pytest

from tests.integration.triton.real_server import RunningTriton
from tests.integration.triton.small_model import INPUTS, OUTPUTS, write_model
from tests.support.control_plane import free_ports
from trifocal.optimizer.contract import RecordedValue, Smoke, Tensor
from trifocal.triton.smoke import (
    Expectation,
    SmokeDiffers,
    SmokePassed,
    SmokeUnreachable,
    smoke_test,
)
from trifocal.triton.smoke_input import smoke_input

pytestmark = pytest.mark.integration

SEED = 11


def recording_of(model: Path) -> Smoke:
    """As the optimizer records it: from ONNX Runtime."""
    image = smoke_input(SEED, INPUTS)
    scores = onnxruntime.InferenceSession(model).run(None, {"image": image["image"]})[0].ravel()
    values = tuple(RecordedValue(index=i, value=float(v)) for i, v in enumerate(scores))
    return Smoke(seed=SEED, values=values, tolerance=1e-3)


def expectation(model: Path, /, **changes: Any) -> Expectation:
    fields = {"model": "small", "inputs": INPUTS, "outputs": OUTPUTS} | changes
    return Expectation(recording=recording_of(model), **fields)


async def test_the_recorded_model_passes(triton: RunningTriton, small_model: Path) -> None:
    assert await smoke_test(triton.http, expectation(small_model)) == SmokePassed()


async def test_a_model_with_other_weights_is_found_out(
    triton: RunningTriton, tmp_path: Path
) -> None:
    write_model(tmp_path / "other.onnx", seed=1)
    verdict = await smoke_test(triton.http, expectation(tmp_path / "other.onnx"))
    assert isinstance(verdict, SmokeDiffers)
    assert "does not give the recorded answer: value" in verdict.message
    assert "at most 0.001 may lie between" in verdict.message


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"outputs": (Tensor(name="scores", dtype="float32", shape=(-1, 5)),)},
            "output scores is FP32[-1, 4], not FP32[-1, 5]",
        ),
        (
            {"outputs": (Tensor(name="logits", dtype="float32", shape=(-1, 4)),)},
            "output logits is missing",
        ),
        (
            {"inputs": (Tensor(name="image", dtype="float16", shape=(-1, 3, 32, 32)),)},
            "input image is FP32[-1, 3, 32, 32], not FP16[-1, 3, 32, 32]",
        ),
    ],
)
async def test_other_tensors_are_named(
    triton: RunningTriton, small_model: Path, changes: dict[str, Any], words: str
) -> None:
    verdict = await smoke_test(triton.http, expectation(small_model, **changes))
    assert isinstance(verdict, SmokeDiffers)
    assert words in verdict.message


async def test_a_model_that_is_not_there_may_still_come(
    triton: RunningTriton, small_model: Path
) -> None:
    verdict = await smoke_test(triton.http, expectation(small_model, model="absent"))
    assert isinstance(verdict, SmokeUnreachable)
    assert "model absent is not ready" in verdict.message


async def test_nobody_there_is_no_exception(small_model: Path) -> None:
    (port,) = free_ports(1)
    verdict = await smoke_test(f"127.0.0.1:{port}", expectation(small_model))
    assert isinstance(verdict, SmokeUnreachable)
    assert f"127.0.0.1:{port} cannot be reached" in verdict.message


async def test_silence_ends_with_the_timeout(small_model: Path) -> None:
    async def say_nothing(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await released.wait()
        writer.close()
        await writer.wait_closed()
        hung_up.set()

    released, hung_up = asyncio.Event(), asyncio.Event()
    server = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        verdict = await smoke_test(
            f"127.0.0.1:{port}", expectation(small_model), timeout_seconds=0.2
        )
        released.set()
        # A connection that outlives its loop is reported in whatever test collects it.
        await hung_up.wait()
    assert isinstance(verdict, SmokeUnreachable)
    assert "within 0.2 s" in verdict.message
