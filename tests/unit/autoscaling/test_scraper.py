"""The scraper against a local server: each kind of trouble becomes a value, and bounds hold."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import aiohttp
import pytest
from aiohttp import web

from trifocal.autoscaling.scraper import (
    PodAddress,
    Scrape,
    ScrapeFailure,
    ScrapeLimits,
    Scraper,
    open_session,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)
TEXT = """\
# TYPE nv_inference_request_success counter
nv_inference_request_success{model="m",version="1"} 42
"""
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def serving(handler: Handler) -> AsyncIterator[int]:
    """A pod on a free port of this machine."""
    app = web.Application()
    app.router.add_get("/metrics", handler)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


async def healthy(_: web.Request) -> web.StreamResponse:
    return web.Response(text=TEXT)


async def scraped(
    handler: Handler, limits: ScrapeLimits, *uids: str
) -> dict[str, Scrape | ScrapeFailure]:
    async with serving(handler) as port, aiohttp.ClientSession() as session:
        pods = [PodAddress(uid=uid, ip="127.0.0.1", port=port) for uid in uids]
        return dict(await Scraper(session, lambda: NOW, limits).scrape(pods))


async def failure(handler: Handler, limits: ScrapeLimits | None = None) -> str:
    found = (await scraped(handler, limits or ScrapeLimits(), "a"))["a"]
    assert isinstance(found, ScrapeFailure)
    return found.message


async def test_a_healthy_pod_gives_its_counters_and_their_time() -> None:
    found = (await scraped(healthy, ScrapeLimits(), "a"))["a"]
    assert isinstance(found, Scrape)
    assert found.models["m"].success == 42
    assert found.at == NOW


async def test_no_pods_are_no_work() -> None:
    assert await scraped(healthy, ScrapeLimits()) == {}


async def test_a_status_other_than_ok_is_a_failure() -> None:
    async def broken(_: web.Request) -> web.StreamResponse:
        return web.Response(status=503)

    assert (await failure(broken)).endswith("/metrics answered with status 503.")


async def test_a_redirect_is_not_followed() -> None:
    async def elsewhere(_: web.Request) -> web.StreamResponse:
        raise web.HTTPFound("http://169.254.169.254/")

    assert (await failure(elsewhere)).endswith("answered with status 302.")


async def test_a_pod_that_hangs_is_given_up() -> None:
    async def hanging(_: web.Request) -> web.StreamResponse:
        await asyncio.Event().wait()
        raise AssertionError

    limits = ScrapeLimits(pod_seconds=0.05)
    assert (await failure(hanging, limits)).endswith("did not answer within 0.05 s.")


async def test_an_endless_answer_is_cut() -> None:
    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b"x" * 1000)

    assert (await failure(endless, ScrapeLimits(max_bytes=9000))).endswith("more than 9000 bytes.")


@pytest.mark.parametrize("body", [b"\xff\xfe", b"nv_inference_count{ not metrics"])
async def test_an_answer_that_is_no_metrics_is_a_failure(body: bytes) -> None:
    async def nonsense(_: web.Request) -> web.StreamResponse:
        return web.Response(body=body)

    assert "could not be read" in await failure(nonsense)


async def test_a_pod_that_is_not_there_is_a_failure() -> None:
    async with serving(healthy) as port:
        pass
    async with aiohttp.ClientSession() as session:
        gone = PodAddress(uid="a", ip="127.0.0.1", port=port)
        found = await Scraper(session, lambda: NOW).scrape([gone])
    assert isinstance(found["a"], ScrapeFailure)


async def test_an_address_that_is_none_is_a_failure() -> None:
    async with aiohttp.ClientSession() as session:
        found = await Scraper(session, lambda: NOW).scrape([PodAddress(uid="a", ip="")])
    assert isinstance(found["a"], ScrapeFailure)


async def test_no_more_pods_than_allowed_are_read_at_a_time() -> None:
    at_work, most = 0, 0

    async def counting(_: web.Request) -> web.StreamResponse:
        nonlocal at_work, most
        at_work += 1
        most = max(most, at_work)
        await asyncio.sleep(0)
        at_work -= 1
        return web.Response(text=TEXT)

    await scraped(counting, ScrapeLimits(side_by_side=3), *map(str, range(20)))
    assert most <= 3


async def test_as_many_pods_as_allowed_are_read_at_a_time() -> None:
    """Each is answered when all have asked; more than the 100 connections of a plain session."""
    limits = ScrapeLimits(side_by_side=101, pod_seconds=20, total_seconds=20)
    asked, all_asked = 0, asyncio.Event()

    async def together(_: web.Request) -> web.StreamResponse:
        nonlocal asked
        asked += 1
        if asked == limits.side_by_side:
            all_asked.set()
        await all_asked.wait()
        return web.Response(text=TEXT)

    async with serving(together) as port, open_session(limits) as session:
        pods = [PodAddress(uid=str(i), ip="127.0.0.1", port=port) for i in range(101)]
        found = await Scraper(session, lambda: NOW, limits).scrape(pods)
    assert {type(result) for result in found.values()} == {Scrape}


async def test_one_pods_trouble_leaves_the_others_alone_and_it_has_its_turn_last() -> None:
    asked: list[str] = []

    async def by_port(request: web.Request) -> web.StreamResponse:
        asked.append(request.host)
        return web.Response(text=TEXT)

    limits = ScrapeLimits(side_by_side=1)
    async with serving(by_port) as port, aiohttp.ClientSession() as session:
        scraper = Scraper(session, lambda: NOW, limits)
        bad = PodAddress(uid="bad", ip="no address")
        good = [PodAddress(uid=f"good{i}", ip="127.0.0.1", port=port) for i in range(2)]
        first = await scraper.scrape([bad, *good])
        assert [type(r) for r in first.values()] == [ScrapeFailure, Scrape, Scrape]
        second = await scraper.scrape([bad, *good])
        assert list(second) == ["good0", "good1", "bad"]


async def test_pods_whose_turn_does_not_come_have_failed() -> None:
    async def hanging(_: web.Request) -> web.StreamResponse:
        await asyncio.Event().wait()
        raise AssertionError

    limits = ScrapeLimits(side_by_side=1, pod_seconds=5, total_seconds=0.05)
    found = await scraped(hanging, limits, "a", "b")
    assert {r.message for r in found.values() if isinstance(r, ScrapeFailure)} == {
        "The pods before it took all of 0.05 s."
    }


async def test_cancelling_the_scrape_leaves_no_task_behind() -> None:
    started = asyncio.Event()

    async def hanging(_: web.Request) -> web.StreamResponse:
        started.set()
        await asyncio.Event().wait()
        raise AssertionError

    async with serving(hanging) as port, aiohttp.ClientSession() as session:
        scraper = Scraper(session, lambda: NOW)
        before = asyncio.all_tasks()
        task = asyncio.create_task(
            _consume(scraper, PodAddress(uid="a", ip="127.0.0.1", port=port))
        )
        await started.wait()
        scrapes = [t for t in asyncio.all_tasks() - before if "_in_turn" in repr(t)]
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert scrapes
        assert all(t.done() for t in scrapes)


async def _consume(scraper: Scraper, pod: PodAddress) -> None:
    await scraper.scrape([pod])


def test_an_ipv6_address_stands_in_brackets() -> None:
    assert PodAddress(uid="a", ip="fd00::7").url == "http://[fd00::7]:8002/metrics"
