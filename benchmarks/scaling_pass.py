"""CPU time of one pass of the scaling loop over many ModelDeployments.

Every pod answers with the text that a real Triton 2.51 gave, its counters growing from pass to
pass: first from memory (parse and decide alone), then over HTTP from a server in another process.

    uv run --frozen --extra extended python -m benchmarks.scaling_pass
"""

import argparse
import asyncio
import multiprocessing
import re
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection
from pathlib import Path

import aiohttp
from aiohttp import web
from prometheus_client import CollectorRegistry

from trifocal.api.scaling import LatencyObjective, Objective, ScalingSpec
from trifocal.autoscaling.metrics import ScalerMetrics
from trifocal.autoscaling.scaler import Scaler, ScaleTarget, Source
from trifocal.autoscaling.scraper import PodAddress, Scrape, ScrapeLimits, Scraper
from trifocal.optimizer.contract import CapacityPoint
from trifocal.triton.exposition import parse

TEXT = (Path(__file__).parents[1] / "tests/unit/triton/data/triton-2.51-metrics.txt").read_text()
MODEL = "small"
PASSES = 4
"""The first fills what is computed once; the best of the others is printed."""
UNHURRIED = ScrapeLimits(pod_seconds=60, total_seconds=120)
"""Server and scraper share the machine here, so no pod is given up."""


def text_of(scrape: int) -> str:
    """What a pod says at its n-th scrape: all its counts so many times as high."""
    return re.sub(
        r"(?m)^(nv_inference_.*\}) (\d+)$", lambda m: f"{m[1]} {int(m[2]) * (1 + scrape)}", TEXT
    )


class SteppingClock:
    """Five seconds go by between passes, and none within."""

    def __init__(self) -> None:
        self.time = datetime(2026, 1, 1, tzinfo=UTC)

    def now(self) -> datetime:
        """The time of the present pass."""
        return self.time

    async def sleep(self, seconds: float) -> None:
        """Go on to the next pass."""
        self.time += timedelta(seconds=seconds)


class FromMemory:
    """Every pod's text is there at once; parsing it is part of the pass."""

    def __init__(self, clock: SteppingClock) -> None:
        self._clock = clock
        self._scrapes = 0

    async def scrape(self, pods: Iterable[PodAddress]) -> Mapping[str, Scrape]:
        """Parse the same text for every pod."""
        self._scrapes += 1
        text = text_of(self._scrapes)
        return {pod.uid: Scrape(at=self._clock.now(), models=parse(text)) for pod in pods}


def targets(deployments: int, pods: int, port: int) -> list[ScaleTarget]:
    """Deployments with an objective and a measured capacity."""
    scaling = ScalingSpec(
        max_replicas=20, objective=Objective(latency=LatencyObjective(max_milliseconds=50))
    )
    capacity = tuple(
        CapacityPoint(batch=b, p50_milliseconds=2 + 10 * b, p99_milliseconds=4 + 11 * b)
        for b in (1, 2, 4, 8)
    )
    return [
        ScaleTarget(
            key=("benchmark", f"model-{d}"),
            scaling=scaling,
            model=MODEL,
            pods=tuple(PodAddress(uid=f"{d}-{p}", ip="127.0.0.1", port=port) for p in range(pods)),
            replicas=pods,
            capacity=capacity,
        )
        for d in range(deployments)
    ]


async def best_pass(source: Source, clock: SteppingClock, of: list[ScaleTarget]) -> str:
    """CPU and elapsed seconds of the fastest pass but the first."""
    scaler = Scaler(source, ScalerMetrics(CollectorRegistry()), interval=5.0)
    spent = []
    reasons = set()
    for _ in range(PASSES):
        cpu, start = time.process_time(), time.perf_counter()
        await scaler.make_pass(of, lambda _, decision: reasons.add(decision.reason), clock)
        spent.append((time.process_time() - cpu, time.perf_counter() - start))
        await clock.sleep(5)
    cpu, elapsed = min(spent[1:])
    return f"{cpu:6.2f} s CPU, {elapsed:6.2f} s elapsed (reasons: {', '.join(sorted(reasons))})"


async def over_http(deployments: int, pods: int, port: int) -> str:
    """The same pass with the real scraper."""
    clock = SteppingClock()
    connector = aiohttp.TCPConnector(limit=UNHURRIED.side_by_side)
    async with aiohttp.ClientSession(connector=connector) as session:
        scraper = Scraper(session, clock.now, UNHURRIED)
        return await best_pass(scraper, clock, targets(deployments, pods, port))


def serve(ready: Connection, pods: int) -> None:
    """Answer /metrics of all pods on one free port until the process is ended."""
    texts = [text_of(scrape) for scrape in range(PASSES)]
    answered = 0

    async def metrics(_: web.Request) -> web.Response:
        nonlocal answered
        answered += 1
        return web.Response(text=texts[min((answered - 1) // pods, PASSES - 1)])

    async def listen() -> None:
        app = web.Application()
        app.router.add_get("/metrics", metrics)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0, backlog=1024).start()
        ready.send(runner.addresses[0][1])
        await asyncio.Event().wait()

    asyncio.run(listen())


@contextmanager
def server(pods: int) -> Iterator[int]:
    """The port of a server in another process."""
    here, there = multiprocessing.get_context("spawn").Pipe(duplex=False)
    process = multiprocessing.get_context("spawn").Process(
        target=serve, args=(there, pods), daemon=True
    )
    process.start()
    try:
        yield here.recv()
    finally:
        process.terminate()
        process.join()


def main() -> None:
    """Print a line for each part of a pass."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--deployments", type=int, default=1000)
    parser.add_argument("--pods", type=int, default=4, help="of each deployment")
    options = parser.parse_args()
    size = (options.deployments, options.pods)

    start = time.process_time()
    for _ in range(1000):
        parse(TEXT)
    lines = [
        f"{size[0]} ModelDeployments with {size[1]} pods each, {len(TEXT)} bytes of metrics a pod",
        f"parse one pod:        {(time.process_time() - start):6.2f} ms CPU",
    ]
    clock = SteppingClock()
    lines.append(
        f"parse and decide:   {asyncio.run(best_pass(FromMemory(clock), clock, targets(*size, 0)))}"
    )
    with server(size[0] * size[1]) as port:
        lines.append(f"with HTTP scrapes:  {asyncio.run(over_http(*size, port))}")
    print(*lines, sep="\n")  # noqa: T201 - its purpose


if __name__ == "__main__":
    main()
