"""The scaling signal from a real Prometheus that scrapes what real Triton has said.

Between two states of a pod its counters grow by twice the recorded text: 120 answered, 58 refused
for their wait, 102 executions of 356 items, 122,254 us of queueing, and 2 * (2505 + 1370498 +
7768) = 2,761,542 us of computing. Of the 120, 20 took less than 10 ms, 80 less than 20 ms and 110
less than 50 ms.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest
from prometheus_client import CollectorRegistry

from tests.integration.autoscaling.fake_triton import MODEL, FakeTriton, fake_triton
from tests.support.prometheus_server import PrometheusServer, Target, prometheus_server
from trifocal.api.scaling import LatencyObjective, Objective, ScalingSpec
from trifocal.autoscaling.decision import ScaleDecision
from trifocal.autoscaling.metrics import Key, ScalerMetrics
from trifocal.autoscaling.prometheus.access import PrometheusAccess
from trifocal.autoscaling.prometheus.client import PrometheusClient
from trifocal.autoscaling.prometheus.source import PrometheusSource
from trifocal.autoscaling.reason import ScaleReason
from trifocal.autoscaling.scaler import Scaler, ScaleTarget
from trifocal.autoscaling.scraper import PodAddress, Scrape, ScrapeFailure, Scraper
from trifocal.autoscaling.signal import Reading, Signal, Windows, append, measure

pytestmark = pytest.mark.integration

PODS = ("once", "twice")
"""One is scraped by one job, the other by two, as where two monitors select it."""
WINDOW = timedelta(minutes=5)
"""Longer than any test takes: what is read stays in it."""
WINDOWS = Windows(rate=WINDOW, latency=WINDOW)
TOLERANCE = timedelta(milliseconds=2)
"""By so much Prometheus shifts a scrape's time onto a multiple of its interval."""
WAIT_SECONDS = 60


def now() -> datetime:
    return datetime.now(UTC)


def address(name: str, port: int = 0) -> PodAddress:
    return PodAddress(uid=name, ip="127.0.0.1", port=port, namespace="vision", name=name)


@pytest.fixture(name="tritons")
def _tritons() -> Iterator[dict[str, FakeTriton]]:
    with ExitStack() as stack:
        yield {name: stack.enter_context(fake_triton()) for name in PODS}


@pytest.fixture(name="server")
def _server(tmp_path: Path, tritons: dict[str, FakeTriton]) -> Iterator[PrometheusServer]:
    targets = [
        Target(port=tritons[name].port, labels={"namespace": "vision", "pod": name}, job=job)
        for name, job in (("once", "a"), ("twice", "a"), ("twice", "b"))
    ]
    with prometheus_server(tmp_path, targets) as server:
        yield server


@pytest.fixture(name="source")
async def _source(server: PrometheusServer) -> AsyncIterator[PrometheusSource]:
    async with aiohttp.ClientSession() as session:
        client = PrometheusClient(session, PrometheusAccess(url=server.url))
        yield PrometheusSource(client, now, max_age=WINDOW)


Scrapes = dict[str, Scrape | ScrapeFailure]


async def seen(source: PrometheusSource, expected: Callable[[Scrapes], bool]) -> Scrapes:
    """What the source says as soon as it is as expected."""
    async with asyncio.timeout(WAIT_SECONDS):
        while True:
            scrapes = dict(await source.scrape(map(address, PODS)))
            if expected(scrapes):
                return scrapes
            await asyncio.sleep(0.05)


def answered(scrape: Scrape | ScrapeFailure) -> float | None:
    return scrape.models[MODEL].success if isinstance(scrape, Scrape) else None


async def seen_at(source: PrometheusSource, tritons: dict[str, FakeTriton], times: int) -> Scrapes:
    """What the source says once all pods were scraped in a state of so many times."""
    for triton in tritons.values():
        triton.times = times
    return await seen(source, lambda s: all(answered(s[name]) == 60 * times for name in PODS))


def readings(*passes: Scrapes) -> dict[str, tuple[Reading, ...]]:
    found: dict[str, tuple[Reading, ...]] = {}
    for scrapes in passes:
        for uid, scrape in scrapes.items():
            if isinstance(scrape, Scrape):
                newest = Reading(at=scrape.at, samples=scrape.models[MODEL])
                found[uid] = append(found.get(uid, ()), newest, WINDOW)
    return found


def signal(found: dict[str, tuple[Reading, ...]], percentile: int = 50) -> Signal:
    measured = measure(found, PODS, percentile=percentile, windows=WINDOWS, now=now())
    assert isinstance(measured, Signal)
    return measured


def seconds(of: tuple[Reading, ...]) -> float:
    return (of[-1].at - of[0].at).total_seconds()


async def test_the_signal_is_the_one_that_arithmetic_gives(
    source: PrometheusSource, tritons: dict[str, FakeTriton]
) -> None:
    first = await seen_at(source, tritons, 1)
    found = readings(first, await seen_at(source, tritons, 3))
    measured = signal(found)
    assert measured.complete
    assert measured.waiting == 0
    assert measured.arrivals_per_second == pytest.approx(
        sum(178 / seconds(found[name]) for name in PODS)
    )
    assert measured.failures_per_second == pytest.approx(
        sum(58 / seconds(found[name]) for name in PODS)
    )
    assert measured.service is not None
    assert measured.service.requests == 240
    assert measured.service.execution_milliseconds == pytest.approx(2_761_542 / 120 / 1000)
    assert measured.service.requests_per_execution == pytest.approx(120 / 102)
    assert measured.service.inferences_per_request == pytest.approx(356 / 120)
    assert measured.service.queue_milliseconds == pytest.approx(122_254 / 120 / 1000)
    # Of 2 * (120 + 58) the 178th: 160 took less than 20 ms and 220 less than 50 ms.
    assert measured.latency_milliseconds == pytest.approx(20 + 30 * 18 / 60)
    # The 353rd was refused; the last edge is 100 ms.
    assert signal(found, 99).latency_milliseconds == 100


async def test_it_says_what_the_pods_say_themselves(
    source: PrometheusSource, tritons: dict[str, FakeTriton]
) -> None:
    through_prometheus = await seen_at(source, tritons, 2)
    async with aiohttp.ClientSession() as session:
        directly = await Scraper(session, now).scrape(
            address(name, triton.port) for name, triton in tritons.items()
        )
    for name in PODS:
        indirect, direct = through_prometheus[name], directly[name]
        assert isinstance(indirect, Scrape)
        assert isinstance(direct, Scrape)
        assert indirect.models == direct.models


async def test_a_scrape_is_of_when_prometheus_began_it_not_of_the_query(
    source: PrometheusSource, tritons: dict[str, FakeTriton]
) -> None:
    """Of the pod with one job, whose scrapes follow each other."""
    await seen_at(source, tritons, 1)
    changed = _at((await seen_at(source, tritons, 2))["once"])
    answers = tritons["once"].answers
    before = max(at for times, at in answers if times == 1)
    after = min(at for times, at in answers if times == 2 and at > changed - TOLERANCE)
    assert before - TOLERANCE < changed < after + TOLERANCE


def _at(scrape: Scrape | ScrapeFailure) -> datetime:
    assert isinstance(scrape, Scrape)
    return scrape.at


async def test_a_pod_that_starts_anew_counts_from_zero(
    source: PrometheusSource, tritons: dict[str, FakeTriton]
) -> None:
    """From 5 times the recorded counts to once: 60 answered and 29 refused since the last look."""
    first = await seen_at(source, tritons, 5)
    found = readings(first, await seen_at(source, tritons, 1))
    assert signal(found).arrivals_per_second == pytest.approx(
        sum(89 / seconds(found[name]) for name in PODS)
    )


async def test_a_pod_that_is_gone_is_a_failure_and_the_other_is_still_read(
    tmp_path: Path,
) -> None:
    with fake_triton() as stays, ExitStack() as gone:
        pods = {"once": stays, "twice": gone.enter_context(fake_triton())}
        targets = [
            Target(port=triton.port, labels={"namespace": "vision", "pod": name})
            for name, triton in pods.items()
        ]
        with prometheus_server(tmp_path, targets) as server:
            async with aiohttp.ClientSession() as session:
                client = PrometheusClient(session, PrometheusAccess(url=server.url))
                source = PrometheusSource(client, now, max_age=WINDOW)
                await seen_at(source, pods, 1)
                gone.close()
                scrapes = await seen(source, lambda s: isinstance(s["twice"], ScrapeFailure))
    assert answered(scrapes["once"]) == 60
    assert scrapes["twice"] == ScrapeFailure(
        message="Prometheus has no metrics of Triton with namespace='vision' and pod='twice': the "
        "pod has not been scraped, or its series lack these labels."
    )


async def test_a_prometheus_that_scrapes_none_of_them_is_no_silence(tmp_path: Path) -> None:
    """Its answer is a success without a series, which must not be read as zero requests."""
    with prometheus_server(tmp_path) as server:
        async with aiohttp.ClientSession() as session:
            client = PrometheusClient(session, PrometheusAccess(url=server.url))
            source = PrometheusSource(client, now, max_age=WINDOW)
            scrapes = await source.scrape(map(address, PODS))
    assert all(isinstance(scrape, ScrapeFailure) for scrape in scrapes.values())


async def test_while_prometheus_is_down_replicas_stay_and_then_it_is_believed_again(
    server: PrometheusServer, source: PrometheusSource, tritons: dict[str, FakeTriton]
) -> None:
    scaler = Scaler(source, ScalerMetrics(CollectorRegistry()), interval=100)
    first = await seen_at(source, tritons, 1)
    await decided(scaler)
    await seen_at(source, tritons, 2)
    assert (await decided(scaler)).reason != ScaleReason.NO_METRICS

    server.stop()
    scrapes = await source.scrape(map(address, PODS))
    for scrape in scrapes.values():
        assert isinstance(scrape, ScrapeFailure)
        assert f"{server.url}/api/v1/query cannot be asked: Cannot connect" in scrape.message

    fresh = Scaler(source, ScalerMetrics(CollectorRegistry()), interval=100)
    held = await decided(fresh)
    assert (held.replicas, held.reason) == (7, ScaleReason.NO_METRICS)

    server.start()
    again = await seen_at(source, tritons, 3)
    assert _at(again["once"]) > _at(first["once"])
    await decided(fresh)
    await seen_at(source, tritons, 4)
    assert (await decided(fresh)).reason != ScaleReason.NO_METRICS


async def decided(scaler: Scaler) -> ScaleDecision:
    """What a pass decides for the two pods, of which seven are ordered."""
    made: dict[Key, ScaleDecision] = {}
    objective = Objective(latency=LatencyObjective(max_milliseconds=500))
    target = ScaleTarget(
        key=("vision", "model"),
        scaling=ScalingSpec(max_replicas=9, objective=objective),
        model=MODEL,
        pods=tuple(map(address, PODS)),
        replicas=7,
    )
    await scaler.make_pass([target], made.__setitem__, RealClock())
    return made["vision", "model"]


class RealClock:
    """Time as it passes."""

    def now(self) -> datetime:
        return now()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
