"""CPU time of passes of the scaling loop over many ModelDeployments, part by part.

Every pod speaks as a real Triton 2.51 did, its model under a name of its own and its counters
growing with its load. Two worlds: loads that stay the same, and loads that all move, seen by a
loop that has six full hours in its memory. A minute of passes is made, for what the loop learns is
looked up once a minute: the mean is what is paid, the worst pass what has to fit in.

First from memory (parse, and decide), then steady loads over HTTP, from a server in another process
in which each pod has an address of its own. Only this process' CPU time is counted.

    uv run --frozen --extra extended python -m benchmarks.scaling_pass
"""

import argparse
import asyncio
import math
import multiprocessing
import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
from aiohttp import web
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from trifocal.api.scaling import LatencyObjective, Objective, ScalingSpec
from trifocal.autoscaling.arrivals_history import BUCKET, MOST_BUCKETS, Arrivals, Series
from trifocal.autoscaling.metrics import ScalerMetrics
from trifocal.autoscaling.scaler import Scaler, ScaleTarget, Source
from trifocal.autoscaling.scraper import (
    PodAddress,
    Scrape,
    ScrapeFailure,
    ScrapeLimits,
    Scraper,
    open_session,
)
from trifocal.optimizer.contract import CapacityPoint
from trifocal.triton.exposition import parse

TEXT = (Path(__file__).parents[1] / "tests/unit/triton/data/triton-2.51-metrics.txt").read_text()
_COUNT = re.compile(r"(?m)^(nv_inference_(?!.*quantile=).*\}) (\d+)$")
"""All that grows with the requests; quantiles do not."""
ANSWERED = 60
"""Requests that TEXT tells of."""
INTERVAL = 5.0
MINUTE = 12
"""Passes of a minute."""
WARM_UP = 4
"""Passes that fill the window of rates, and what is computed once."""
HTTP_PASSES = 4
RATE = 20.0
"""Requests/s of each pod, which four pods of this model carry within the objective."""
OBJECTIVE = LatencyObjective(max_milliseconds=200)
START = datetime(2026, 1, 1, tzinfo=UTC)
UNHURRIED = ScrapeLimits(pod_seconds=600, total_seconds=600)
"""Server and scraper share the machine here, so no pod is given up."""

Load = Callable[[int, float], float]
"""Requests/s of each pod of a deployment at a time in seconds."""


def steady(_: int, __: float) -> float:
    """The same for ever."""
    return RATE


def moving(deployment: int, seconds: float) -> float:
    """A wave of 47 minutes, each deployment's at another phase, and a ripple of 20 s."""
    wave = math.sin(2 * math.pi * (seconds / 2820 + 0.618 * deployment))
    ripple = math.sin(2 * math.pi * (seconds / 20 + 0.382 * deployment))
    return RATE * (1 + 0.5 * wave + 0.05 * ripple)


def text_of(deployment: int, requests: float) -> str:
    """What a pod says after so many requests: all counts of the real text in proportion."""
    times = requests / ANSWERED
    grown = _COUNT.sub(lambda found: f"{found[1]} {round(int(found[2]) * times)}", TEXT)
    return grown.replace('model="small"', f'model="model-{deployment}"')


class SteppingClock:
    """Five seconds go by between passes, and none within."""

    def __init__(self) -> None:
        self.time = START

    def now(self) -> datetime:
        """The time of the present pass."""
        return self.time

    async def sleep(self, seconds: float) -> None:
        """Go on to the next pass."""
        self.time += timedelta(seconds=seconds)


class FromMemory:
    """What every pod says is there at once; parsing it is part of the pass."""

    def __init__(self, clock: SteppingClock, load: Load, deployments: int) -> None:
        self._clock, self._load = clock, load
        self._requests = [1000.0 * ANSWERED] * deployments
        self._texts: list[str] = []
        self.parsing: list[float] = []
        """CPU seconds of each pass so far."""

    def advance(self) -> None:
        """What pods say next; not part of a pass."""
        seconds = self._clock.now().timestamp()
        for deployment in range(len(self._requests)):
            self._requests[deployment] += INTERVAL * self._load(deployment, seconds)
        self._texts = [text_of(d, requests) for d, requests in enumerate(self._requests)]

    async def scrape(self, pods: Iterable[PodAddress]) -> Mapping[str, Scrape | ScrapeFailure]:
        """Each pod's own parse."""
        at, start = self._clock.now(), time.process_time()
        scrapes = {
            pod.uid: Scrape(at=at, models=parse(self._texts[_deployment(pod)])) for pod in pods
        }
        self.parsing.append(time.process_time() - start)
        return scrapes


def _deployment(pod: PodAddress) -> int:
    return int(pod.uid.partition("-")[0])


def targets(deployments: int, pods: int, port: int = 0) -> list[ScaleTarget]:
    """Deployments with an objective and a measured capacity; each pod has its own address."""
    scaling = ScalingSpec(max_replicas=20, objective=Objective(latency=OBJECTIVE))
    capacity = tuple(
        CapacityPoint(batch=b, p50_milliseconds=2 + 10 * b, p99_milliseconds=4 + 11 * b)
        for b in (1, 2, 4, 8)
    )
    return [
        ScaleTarget(
            key=("benchmark", f"model-{d}"),
            scaling=scaling,
            model=f"model-{d}",
            pods=tuple(
                PodAddress(uid=f"{d}-{p}", ip=f"127.{1 + p}.{d // 250}.{1 + d % 250}", port=port)
                for p in range(pods)
            ),
            replicas=pods,
            capacity=capacity,
        )
        for d in range(deployments)
    ]


def six_hours(deployment: int, pods: int) -> Arrivals:
    """What the loop remembers of a moving load."""
    ends = [START.timestamp() - BUCKET.total_seconds() * n for n in range(MOST_BUCKETS, 0, -1)]
    rates = np.array([pods * moving(deployment, end) for end in ends], np.float32)
    series = Series(packed=rates.tobytes())
    return Arrivals(ended_at=START - BUCKET, rates=series, levels=series, expected=series)


def remember(scaler: Scaler, of: Iterable[ScaleTarget]) -> None:
    """Give the loop six hours that it would have to run for otherwise."""
    for position, target in enumerate(of):
        track = scaler._track(target, START)  # noqa: SLF001 - nobody else needs a way to do this
        arrivals = six_hours(position, len(target.pods))
        track.history = replace(track.history, arrivals=arrivals)


class Cost:
    """What passes took, in words."""

    def __init__(self) -> None:
        self.cpu: list[float] = []
        self.elapsed: list[float] = []
        self._reasons: Counter[str] = Counter()

    async def add(self, scaler: Scaler, of: list[ScaleTarget], clock: SteppingClock) -> None:
        """Make one pass more."""
        cpu, start = time.process_time(), time.perf_counter()
        await scaler.make_pass(of, lambda _, found: self._reasons.update([found.reason]), clock)
        self.cpu.append(time.process_time() - cpu)
        self.elapsed.append(time.perf_counter() - start)

    def words(self, parsing: list[float]) -> str:
        """CPU seconds: the mean of a pass and its parts, the worst pass, and what was decided."""
        whole, parse_only = _mean(self.cpu), _mean(parsing)
        parts = f" = parse {parse_only:.2f} + decide {whole - parse_only:.2f}" if parsing else ""
        reasons = ", ".join(f"{reason} {n}" for reason, n in self._reasons.most_common(3))
        return (
            f"{whole:.2f} s CPU{parts}; worst {max(self.cpu):.2f} s, "
            f"elapsed {max(self.elapsed):.2f} s ({reasons})"
        )


def _mean(values: list[float]) -> float:
    return sum(values) / max(len(values), 1)


async def from_memory(load: Load, size: tuple[int, int]) -> str:
    """A minute of passes without any network."""
    clock, cost = SteppingClock(), Cost()
    source = FromMemory(clock, load, size[0])
    scaler, of = _scaler(source), targets(*size)
    if load is moving:
        remember(scaler, of)
    for number in range(WARM_UP + MINUTE):
        source.advance()
        await (Cost() if number < WARM_UP else cost).add(scaler, of, clock)
        await clock.sleep(INTERVAL)
    return cost.words(source.parsing[WARM_UP:])


async def over_http(size: tuple[int, int], port: int) -> str:
    """A few passes with the real scraper; the first opens the connections."""
    clock, cost = SteppingClock(), Cost()
    async with open_session(UNHURRIED) as session:
        scaler, of = _scaler(Scraper(session, clock.now, UNHURRIED)), targets(*size, port)
        for number in range(1 + HTTP_PASSES):
            await (Cost() if number < 1 else cost).add(scaler, of, clock)
            await clock.sleep(INTERVAL)
    return cost.words([])


def _scaler(source: Source) -> Scaler:
    return Scaler(source, ScalerMetrics(CollectorRegistry()), interval=INTERVAL)


async def shown(size: tuple[int, int]) -> tuple[float, int]:
    """CPU seconds and bytes of one page of the scaler's own metrics."""
    clock, registry = SteppingClock(), CollectorRegistry()
    source = FromMemory(clock, steady, size[0])
    scaler = Scaler(source, ScalerMetrics(registry), interval=INTERVAL)
    for _ in range(2):
        source.advance()
        await scaler.make_pass(targets(*size), lambda *_: None, clock)
        await clock.sleep(INTERVAL)
    start = time.process_time()
    page = generate_latest(registry)
    return time.process_time() - start, len(page)


def serve(ready: Connection) -> None:
    """Answer /metrics of all pods, each by its address, until the process is ended."""
    asked: Counter[str] = Counter()

    async def metrics(request: web.Request) -> web.Response:
        host = request.host.partition(":")[0]
        _, _, high, low = map(int, host.split("."))
        asked[host] += 1
        requests = 1000 * ANSWERED + asked[host] * INTERVAL * RATE
        return web.Response(text=text_of(250 * high + low - 1, requests))

    async def listen() -> None:
        app = web.Application()
        app.router.add_get("/metrics", metrics)
        runner = web.AppRunner(app, keepalive_timeout=600)
        await runner.setup()
        await web.TCPSite(runner, "0.0.0.0", 0, backlog=4096).start()  # noqa: S104 - for minutes
        ready.send(runner.addresses[0][1])
        await asyncio.Event().wait()

    asyncio.run(listen())


@contextmanager
def server() -> Iterator[int]:
    """The port of a server in another process."""
    here, there = multiprocessing.get_context("spawn").Pipe(duplex=False)
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(there,), daemon=True)
    process.start()
    try:
        yield here.recv()
    finally:
        process.terminate()
        process.join()


def milliseconds(work: Callable[[], object], times: int = 200) -> float:
    """CPU time of one call, of the fastest of five rounds."""
    rounds = []
    for _ in range(5):
        start = time.process_time()
        for _ in range(times // 5):
            work()
        rounds.append((time.process_time() - start) / (times // 5))
    return 1000 * min(rounds)


def main() -> None:
    """Print a line for each part of a pass."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--deployments", type=int, default=1000)
    parser.add_argument("--pods", type=int, default=4, help="of each deployment")
    options = parser.parse_args()
    size = (options.deployments, options.pods)

    def show(text: str) -> None:
        print(text, flush=True)  # noqa: T201 - its purpose

    show(
        f"{size[0]} ModelDeployments with {size[1]} pods each, {len(TEXT)} bytes of metrics a pod, "
        f"{MINUTE} passes"
    )
    show(f"parse one pod:     {milliseconds(partial(parse, TEXT)):6.3f} ms CPU")
    library = milliseconds(lambda: list(text_string_to_metric_families(TEXT)), 50)
    show(f"  by its library:  {library:6.3f} ms CPU")
    show(f"steady:            {asyncio.run(from_memory(steady, size))}")
    show(f"moving, six hours: {asyncio.run(from_memory(moving, size))}")
    with server() as port:
        show(f"steady, over HTTP: {asyncio.run(over_http(size, port))}")
    seconds, length = asyncio.run(shown(size))
    show(f"own metrics:       {seconds:5.2f} s CPU, {length / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
