"""What each kind of answer means; a stand-in speaks Triton's HTTP/JSON protocol on loopback."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from trifocal.optimizer.contract import RecordedValue, Smoke, Tensor
from trifocal.triton.smoke import (
    Expectation,
    SmokeDiffers,
    SmokePassed,
    SmokeUnreachable,
    SmokeVerdict,
    smoke_test,
)

RECORDED = (0.5, -1.25, 3.0)
EXPECTATION = Expectation(
    model="digits",
    inputs=(Tensor(name="image", dtype="float32", shape=(-1, 1, 2, 2)),),
    outputs=(Tensor(name="scores", dtype="float32", shape=(-1, 3)),),
    recording=Smoke(
        seed=1,
        values=tuple(RecordedValue(index=i, value=v) for i, v in enumerate(RECORDED)),
        tolerance=0.01,
    ),
)
METADATA = {
    "name": "digits",
    "inputs": [{"name": "image", "datatype": "FP32", "shape": [-1, 1, 2, 2]}],
    "outputs": [{"name": "scores", "datatype": "FP32", "shape": [-1, 3]}],
}

Reply = Callable[[], web.Response]


def ok(body: Any = None) -> Reply:
    return lambda: web.json_response(body)


def error(status: int, message: str) -> Reply:
    return lambda: web.json_response({"error": message}, status=status)


def scores(*values: float) -> Reply:
    output = {"name": "scores", "datatype": "FP32", "shape": [1, len(values)], "data": values}
    return ok({"model_name": "digits", "outputs": [output]})


@asynccontextmanager
async def stand_in(**replies: Reply) -> AsyncIterator[str]:
    given = {
        "ready": ok(),
        "model_ready": ok(),
        "metadata": ok(METADATA),
        "infer": scores(*RECORDED),
    } | replies

    def answer(name: str) -> Any:
        async def handler(_: web.Request) -> web.Response:
            return given[name]()

        return handler

    app = web.Application()
    app.router.add_get("/v2/health/ready", answer("ready"))
    app.router.add_get("/v2/models/digits/ready", answer("model_ready"))
    app.router.add_get("/v2/models/digits", answer("metadata"))
    app.router.add_post("/v2/models/digits/infer", answer("infer"))
    async with TestServer(app, host="127.0.0.1") as server:
        yield f"127.0.0.1:{server.port}"


async def verdict(**replies: Reply) -> SmokeVerdict:
    async with stand_in(**replies) as address:
        return await smoke_test(address, EXPECTATION)


async def test_the_recorded_answer_passes() -> None:
    assert await verdict() == SmokePassed()


@pytest.mark.parametrize("off", [0.009, -0.009])
async def test_an_answer_within_the_tolerance_passes(off: float) -> None:
    assert await verdict(infer=scores(*(v + off for v in RECORDED))) == SmokePassed()


async def test_an_answer_beyond_the_tolerance_is_told_by_its_worst_value() -> None:
    found = await verdict(infer=scores(0.52, -1.25, 7.0))
    assert found == SmokeDiffers(
        "Model digits does not give the recorded answer: value 2 is 7, recorded was 3, and at "
        "most 0.01 may lie between."
    )


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
async def test_an_answer_that_is_no_number_never_passes(value: float) -> None:
    assert isinstance(await verdict(infer=scores(value, -1.25, 3.0)), SmokeDiffers)


async def test_an_answer_that_is_too_short_differs() -> None:
    found = await verdict(infer=scores(0.5, -1.25))
    assert isinstance(found, SmokeDiffers)
    assert "it has 2 values, and value 2 was recorded" in found.message


async def test_a_server_or_model_that_is_not_ready_may_become_so() -> None:
    for replies in ({"ready": error(400, "")}, {"model_ready": error(400, "")}):
        found = await verdict(**replies)
        assert found == SmokeUnreachable("Triton says that model digits is not ready.")


@pytest.mark.parametrize("status", [400, 403, 404])
async def test_a_refused_question_is_a_wrong_server(status: int) -> None:
    found = await verdict(infer=error(status, "unexpected shape"))
    assert isinstance(found, SmokeDiffers)
    assert "unexpected shape" in found.message


@pytest.mark.parametrize("status", [500, 502, 503, 504])
async def test_a_server_in_trouble_may_recover(status: int) -> None:
    found = await verdict(infer=error(status, "Request timeout expired"))
    assert isinstance(found, SmokeUnreachable)
    assert "Request timeout expired" in found.message


async def test_an_output_that_nobody_expects_is_named() -> None:
    extra = {"name": "more", "datatype": "FP32", "shape": [-1, 1]}
    metadata = METADATA | {"outputs": [*METADATA["outputs"], extra]}
    found = await verdict(metadata=ok(metadata))
    assert found == SmokeDiffers(
        "Model digits serves other outputs: output more is not the artifact's."
    )


async def test_an_answer_that_is_no_triton_is_no_exception() -> None:
    found = await verdict(metadata=lambda: web.Response(text="<html>hello</html>"))
    assert isinstance(found, SmokeDiffers)
    assert "is no Triton" in found.message


async def test_a_connection_that_is_cut_is_no_exception() -> None:
    def cut() -> web.Response:
        raise ConnectionResetError

    found = await verdict(infer=cut)
    assert isinstance(found, SmokeUnreachable)
