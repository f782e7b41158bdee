"""The whole room, from HTTP to replicas, on a simulated service whose load rises and falls.

Requests arrive at random, a random pod gets each (as behind a Service), and every pod answers one
at a time in 12 ms. A local HTTP server shows each pod's counters in Triton's words. Ordered pods
become ready 30 s later. The clock is the simulation's; nothing here waits.
"""

import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import groupby

import aiohttp
import pytest
from aiohttp import web
from prometheus_client import CollectorRegistry

from trifocal.api.scaling import LatencyObjective, Objective, ScalingSpec
from trifocal.api.serving import Batching
from trifocal.autoscaling.decision import ScaleDecision
from trifocal.autoscaling.metrics import Key, ScalerMetrics
from trifocal.autoscaling.reason import ScaleReason
from trifocal.autoscaling.scaler import Scaler, ScaleTarget, run
from trifocal.autoscaling.scraper import PodAddress, Scraper
from trifocal.optimizer.contract import CapacityPoint

SERVICE = 0.012
START_SECONDS = 30.0
OBJECTIVE = 50.0
HOLD = 120
CALM, BUSY, CALM_AGAIN, END = 0.0, 150.0, 450.0, 750.0
RATE = {CALM: 10.0, BUSY: 120.0, CALM_AGAIN: 10.0}
"""Requests/s from each time on. At 12 ms, 120/s keep 1.44 pods busy."""


@dataclass
class Pod:
    """One server: its queue as the times at which answers leave it."""

    uid: str
    ready_at: float
    free_at: float = 0.0
    answers: list[tuple[float, float]] = field(default_factory=list)
    """(time of the answer, latency), in seconds."""

    def accept(self, now: float) -> None:
        self.free_at = max(self.free_at, now) + SERVICE
        self.answers.append((self.free_at, self.free_at - now))

    def exposition(self, now: float) -> str:
        done = [latency for left, latency in self.answers if left <= now]
        recent = sorted(latency for left, latency in self.answers if now - 60 < left <= now)
        p99 = f"{recent[int(0.99 * len(recent))] * 1e6:.0f}" if recent else "Nan"
        labels = 'model="m",version="1"'
        microseconds = SERVICE * 1e6 * len(done)
        waiting = max(len(self.answers) - len(done) - 1, 0)
        queued = (sum(done) - SERVICE * len(done)) * 1e6
        return f"""\
# HELP nv_inference_request_success Number of successful inference requests, all batch sizes
# TYPE nv_inference_request_success counter
nv_inference_request_success{{{labels}}} {len(done)}
# TYPE nv_inference_count counter
nv_inference_count{{{labels}}} {len(done)}
# TYPE nv_inference_exec_count counter
nv_inference_exec_count{{{labels}}} {len(done)}
# TYPE nv_inference_queue_duration_us counter
nv_inference_queue_duration_us{{{labels}}} {queued:.0f}
# TYPE nv_inference_compute_infer_duration_us counter
nv_inference_compute_infer_duration_us{{{labels}}} {microseconds:.0f}
# TYPE nv_inference_pending_request_count gauge
nv_inference_pending_request_count{{{labels}}} {waiting}
# TYPE nv_inference_request_summary_us summary
nv_inference_request_summary_us_count{{{labels}}} {len(done)}
nv_inference_request_summary_us_sum{{{labels}}} {sum(done) * 1e6:.0f}
nv_inference_request_summary_us{{{labels},quantile="0.99"}} {p99}
"""


class Finished(Exception):  # noqa: N818 - no error
    pass


class Service:
    """The simulated Deployment behind a Service; it is the loop's clock, too."""

    def __init__(self) -> None:
        self._start = datetime(2026, 1, 1, tzinfo=UTC)
        self._draw = random.Random(3)  # noqa: S311 - a simulation
        self._next = 0.0
        self.seconds = 0.0
        self.port = 0
        self.pods = [Pod("pod-0", ready_at=0.0)]
        self.gone: list[Pod] = []
        self.decisions: list[tuple[float, ScaleDecision]] = []

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self.seconds)

    async def sleep(self, seconds: float) -> None:
        until = self.seconds + seconds
        while self._next < until:
            self._draw.choice(self.ready(self._next)).accept(self._next)
            rate = RATE[max(since for since in RATE if since <= self._next)]
            self._next += self._draw.expovariate(rate)
        self.seconds = until
        if until >= END:
            raise Finished

    def ready(self, at: float) -> list[Pod]:
        return [pod for pod in self.pods if pod.ready_at <= at]

    async def metrics(self, request: web.Request) -> web.Response:
        pod = next(p for p in self.pods if p.uid == request.match_info["uid"])
        return web.Response(text=pod.exposition(self.seconds))

    async def targets(self) -> AsyncIterator[ScaleTarget]:
        yield ScaleTarget(
            key=("ns", "m"),
            scaling=ScalingSpec(
                max_replicas=10,
                objective=Objective(latency=LatencyObjective(max_milliseconds=OBJECTIVE)),
                scale_down_hold_seconds=HOLD,
            ),
            model="m",
            pods=tuple(SimulatedAddress(p.uid, self.port) for p in self.ready(self.seconds)),
            replicas=len(self.pods),
            capacity=(CapacityPoint(batch=1, p50_milliseconds=12, p99_milliseconds=12),),
            batching=Batching(max_batch_size=1),
        )

    def publish(self, _: Key, decision: ScaleDecision) -> None:
        self.decisions.append((self.seconds, decision))
        while len(self.pods) < decision.replicas:
            uid = f"pod-{len(self.pods) + len(self.gone)}"
            self.pods.append(Pod(uid, ready_at=self.seconds + START_SECONDS))
        while len(self.pods) > decision.replicas:
            self.gone.append(self.pods.pop())

    def latencies(self, since: float, until: float) -> list[float]:
        return sorted(
            latency * 1000
            for pod in (*self.pods, *self.gone)
            for left, latency in pod.answers
            if since <= left < until
        )


class SimulatedAddress(PodAddress):
    """All pods share one server, under a path each."""

    def __init__(self, uid: str, port: int) -> None:
        super().__init__(uid=uid, ip="127.0.0.1", port=port)

    @property
    def url(self) -> str:
        return f"http://{self.ip}:{self.port}/{self.uid}/metrics"


@pytest.fixture
async def simulated() -> Service:
    """The service after the load has risen and fallen under the scaler's hand."""
    service = Service()
    app = web.Application()
    app.router.add_get("/{uid}/metrics", service.metrics)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    service.port = runner.addresses[0][1]
    try:
        async with aiohttp.ClientSession() as session:
            scaler = Scaler(
                Scraper(session, service.now), ScalerMetrics(CollectorRegistry()), interval=5.0
            )
            with pytest.raises(Finished):
                await run(
                    service.targets, service.publish, scaler=scaler, interval=5.0, clock=service
                )
    finally:
        await runner.cleanup()
    return service


async def test_replicas_rise_with_the_load_hold_and_fall(simulated: Service) -> None:
    at = dict(simulated.decisions)
    replicas = {seconds: decision.replicas for seconds, decision in at.items()}

    assert {r for t, r in replicas.items() if t < BUSY} == {1}

    steps = [r for r, _ in groupby(r for t, r in replicas.items() if BUSY <= t < CALM_AGAIN)]
    peak = steps.index(max(steps))
    assert steps[: peak + 1] == sorted(steps[: peak + 1]), "no replica is given up too early"
    assert steps[peak:] in ([max(steps)], [max(steps), max(steps) - 1]), "but that of the backlog"
    first_order = min(t for t, r in replicas.items() if t >= BUSY and r > 1)
    assert first_order <= BUSY + 10
    busy = replicas[CALM_AGAIN - 5]
    assert 3 <= busy <= 5, "120 requests/s at 40 each, with room for what chance adds in 15 s"

    held = {r for t, r in replicas.items() if CALM_AGAIN <= t < CALM_AGAIN + HOLD}
    assert busy - 1 <= min(held) <= max(held) <= busy, "but the margin for growth"
    assert at[CALM_AGAIN + 115].reason == ScaleReason.HOLDING
    assert replicas[END - 5] == 1


async def test_the_objective_holds_once_the_ordered_pods_are_up(simulated: Service) -> None:
    settled = simulated.latencies(BUSY + 90, CALM_AGAIN)
    p99 = settled[int(0.99 * len(settled))]
    assert p99 <= OBJECTIVE

    modelled = [
        decision.modelled_milliseconds
        for seconds, decision in simulated.decisions
        if BUSY + 90 <= seconds < CALM_AGAIN
    ]
    assert all(m is not None and m <= OBJECTIVE for m in modelled)
