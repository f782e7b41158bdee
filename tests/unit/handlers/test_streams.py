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


class Lists:
    """An API server that only lists, and refuses versions that it does not keep."""

    def __init__(self, *kept: str) -> None:
        self.asked: list[dict[str, str]] = []
        self._kept = kept

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append(dict(request.query))
        version = request.query.get("resourceVersion")
        return web.Response(status=200 if version is None or version in self._kept else 410)


async def ask_lists(streams: Streams, lists: Lists, *paths: str) -> list[int]:
    app = web.Application()
    app.router.add_get("/{path:.*}", lists.answer)
    async with (
        served(app, 0, host="127.0.0.1") as port,
        aiohttp.ClientSession(middlewares=(streams.middleware,)) as session,
    ):
        found = []
        for path in paths:
            async with session.get(f"http://127.0.0.1:{port}{path}") as response:
                found.append(response.status)
        return found


async def test_the_first_list_of_what_is_known_is_asked_for_nothing_at_that_version() -> None:
    told: list[str] = []
    streams, lists = Streams(FakeTime().monotonic, told.append), Lists("17")
    streams.begin({"Job": "17"})
    assert await ask_lists(streams, lists, f"{JOBS}?limit=500&labelSelector=a%3Db", JOBS) == [
        200,
        200,
    ]
    assert lists.asked == [
        {
            "limit": "500",
            "labelSelector": "a=b",
            "fieldSelector": "metadata.namespace=default,metadata.name=trifocal.nobody",
            "resourceVersion": "17",
            "resourceVersionMatch": "Exact",
        },
        {},
    ]
    assert told == ["Job"], "only the second may have come after a gap"


async def test_a_version_that_is_not_kept_any_more_is_listed_as_ever() -> None:
    told: list[str] = []
    streams, lists = Streams(FakeTime().monotonic, told.append), Lists()
    streams.begin({"Job": "17"})
    assert await ask_lists(streams, lists, f"{JOBS}?limit=500") == [200]
    assert lists.asked[-1] == {"limit": "500"}
    assert told == ["Job"]


async def test_kinds_that_were_not_listed_begin_with_a_list() -> None:
    streams, lists = Streams(FakeTime().monotonic), Lists()
    streams.begin({"Pod": "17", "Job": ""})
    await ask_lists(streams, lists, JOBS)
    assert lists.asked == [{}]
