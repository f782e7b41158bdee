"""The Job's progress: believed only if it has the right form, and never waited for long."""

import aiohttp
import pytest
from aiohttp import web

from trifocal.optimizer.contract import Progress
from trifocal.reconcile.progress import MAX_BYTES, read_progress
from trifocal.telemetry import served


async def asked(body: str, *, status: int = 200, location: str | None = None) -> Progress | None:
    async def answer(_: web.Request) -> web.Response:
        headers = {"Location": location} if location else {}
        return web.Response(text=body, status=status, headers=headers)

    app = web.Application()
    app.router.add_get("/progress", answer)
    async with served(app, 0, host="127.0.0.1") as port, aiohttp.ClientSession() as session:
        return await read_progress(session, "127.0.0.1", port=port)


async def test_a_valid_answer_is_the_progress() -> None:
    assert await asked('{"step": "int8: calibrating", "percent": 40}') == Progress(
        step="int8: calibrating", percent=40
    )


@pytest.mark.parametrize(
    "body",
    [
        "",
        "not json",
        "[]",
        '{"step": "x"}',
        '{"step": "x", "percent": 101}',
        '{"step": "x", "percent": 1, "admin": true}',
        '{"step": "' + "x" * 201 + '", "percent": 1}',
        '{"step": "x", "percent": 1}' + " " * MAX_BYTES,
    ],
)
async def test_anything_else_is_no_progress(body: str) -> None:
    assert await asked(body) is None


async def test_an_error_is_no_progress() -> None:
    assert await asked('{"step": "x", "percent": 1}', status=500) is None


async def test_a_redirection_is_not_followed() -> None:
    assert await asked("", status=302, location="http://169.254.169.254/latest") is None


async def test_a_pod_that_is_not_there_is_no_progress() -> None:
    async with aiohttp.ClientSession() as session:
        assert await read_progress(session, "127.0.0.1", port=1) is None
