"""Which watches count as open, and when one counts as dead."""

import aiohttp
from aiohttp import web

from tests.support.fake_time import FakeTime
from trifocal.handlers.streams import DEAD_SECONDS, Streams
from trifocal.kube.kinds import WATCHED
from trifocal.telemetry import served

JOBS = "/apis/batch/v1/jobs"


async def ask(streams: Streams, path: str, *, status: int = 200) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=status)

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    async with (
        served(app, 0, host="127.0.0.1") as port,
        aiohttp.ClientSession(middlewares=(streams.middleware,)) as session,
        session.get(f"http://127.0.0.1:{port}{path}"),
    ):
        pass


def opened(streams: Streams) -> list[str]:
    return [kind.name for kind in WATCHED if kind.name not in streams.unopened()]


async def test_a_watch_that_the_server_accepts_is_open() -> None:
    streams = Streams(FakeTime().monotonic)
    await ask(streams, f"{JOBS}?watch=true")
    assert opened(streams) == ["Job"]


async def test_a_list_is_no_watch() -> None:
    streams = Streams(FakeTime().monotonic)
    await ask(streams, JOBS)
    assert opened(streams) == []


async def test_a_list_is_told_though_it_brings_no_event() -> None:
    told: list[str] = []
    streams = Streams(FakeTime().monotonic, told.append)
    await ask(streams, f"{JOBS}?watch=true")
    await ask(streams, JOBS, status=403)
    assert told == []
    await ask(streams, JOBS)
    assert told == ["Job"]


async def test_a_refused_watch_is_not_open_but_its_watcher_lives() -> None:
    time = FakeTime()
    streams = Streams(time.monotonic)
    time.pass_by(DEAD_SECONDS + 1)
    await ask(streams, f"{JOBS}?watch=true", status=403)
    assert opened(streams) == []
    assert "Job" not in streams.dead()
    assert len(streams.dead()) == len(WATCHED) - 1


async def test_a_watcher_that_never_begins_is_dead_in_the_end() -> None:
    time = FakeTime()
    streams = Streams(time.monotonic)
    assert streams.dead() == ()
    time.pass_by(DEAD_SECONDS + 1)
    assert len(streams.dead()) == len(WATCHED)


async def test_a_stream_that_brings_something_lives_however_old_it_is() -> None:
    time = FakeTime()
    streams = Streams(time.monotonic)

    async def bookmarks(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(2):
            await response.write(b"{}\n")
        return response

    app = web.Application()
    app.router.add_get(JOBS, bookmarks)
    async with (
        served(app, 0, host="127.0.0.1") as port,
        aiohttp.ClientSession(middlewares=(streams.middleware,)) as session,
        session.get(f"http://127.0.0.1:{port}{JOBS}?watch=true") as response,
    ):
        time.pass_by(DEAD_SECONDS + 1)
        assert "Job" in streams.dead()
        brought = [piece async for piece in response.content.iter_chunked(2**20)]
    assert b"".join(brought) == b"{}\n{}\n"
    assert "Job" not in streams.dead()
    time.pass_by(DEAD_SECONDS + 1)
    assert "Job" in streams.dead()
