"""Small studies behind single figures of docs/design/scaling.md, each of which prints its table."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from benchmarks.autoscaling.cases import SETTING
from trifocal.api.serving import Batching
from trifocal.autoscaling.service import pod_model
from trifocal.autoscaling.simulation.arrivals import Load, draw
from trifocal.autoscaling.simulation.engine import simulate
from trifocal.autoscaling.simulation.policies.static import Static
from trifocal.autoscaling.simulation.policies.window import RecentMaximum, last
from trifocal.autoscaling.simulation.policy import Pods, Setting, Telemetry
from trifocal.autoscaling.simulation.result import job_result
from trifocal.autoscaling.simulation.staffing import Staffing, greatest_load
from trifocal.autoscaling.simulation.trace import MINUTE_SECONDS, Trace
from trifocal.optimizer.contract import CapacityPoint

LATE_PARTS = (1.0, 0.5, 0.2, 0.1)
"""Of the objective's late requests, that the steady load has in the model."""
PODS = range(1, 8)


def bad_minutes_at_the_limit(part: float, pods: int, minutes: int, seed: int) -> float:
    """Share of the minutes in which one queue misses p99, at the most that the model allows it."""
    share = 1 - part * (1 - SETTING.percentile / 100)
    service = SETTING.execution_seconds(1)
    wait = SETTING.objective_seconds / service - 1
    per_minute = greatest_load(pods, wait, share) / service * MINUTE_SECONDS
    trace = Trace(
        jobs={"steady": np.full(minutes, per_minute)}, step_seconds=MINUTE_SECONDS, by_chance=True
    )
    outcome = simulate(draw(trace, "steady", seed), SETTING, Static(pods), pods)
    return sum(job_result("steady", outcome, SETTING).bad) / minutes


@dataclass(frozen=True, kw_only=True)
class Curve:
    """How long a batch takes, and the rates of one instance that are tried."""

    name: str
    fixed_seconds: float
    item_seconds: float
    rates: tuple[float, ...]
    """Requests per second."""


CURVES = (
    Curve(
        name="batching gains little: 2 + 10 b ms",
        fixed_seconds=0.002,
        item_seconds=0.010,
        rates=(10, 30, 50, 70, 85),
    ),
    Curve(
        name="batching gains much: 5 + b ms",
        fixed_seconds=0.005,
        item_seconds=0.001,
        rates=(20, 80, 150, 250, 400, 550),
    ),
)
INSTANCES = (1, 2, 4)
PERCENTILES = (50, 90, 95, 99)
BATCH = 8


def modelled_over_simulated(
    curve: Curve, instances: int, requests: int, seed: int
) -> Iterator[float]:
    """Latency of the model by that of a batcher without delay, by rates and percentiles."""
    setting = replace(
        SETTING, fixed_seconds=curve.fixed_seconds, item_seconds=curve.item_seconds, max_batch=BATCH
    )
    points = [
        CapacityPoint(batch=size, p50_milliseconds=tau, p99_milliseconds=tau)
        for size in setting.batch_sizes
        for tau in [1000 * setting.execution_seconds(size)]
    ]
    for rate in (instances * each for each in curve.rates):
        gaps = np.random.default_rng(seed).exponential(1 / rate, requests)
        arrivals = np.cumsum(gaps)
        load = Load(arrivals=arrivals, choices=np.zeros(requests), seconds=float(arrivals[-1]) + 1)
        # One line before several: the first instance that is free takes all that wait.
        latency = simulate(load, setting, Static(instances), instances).latency
        for percentile in PERCENTILES:
            pod = pod_model(
                points,
                None,
                batching=Batching(max_batch_size=BATCH),
                instances=instances,
                percentile=percentile,
            )
            if pod is not None:
                simulated = 1000 * float(np.percentile(latency, percentile))
                yield pod.latency_milliseconds(rate) / simulated


def all_curves(requests: int, seed: int) -> Iterator[tuple[str, int, Sequence[float]]]:
    """Every curve with every number of instances."""
    for curve, instances in product(CURVES, INSTANCES):
        yield curve.name, instances, list(modelled_over_simulated(curve, instances, requests, seed))


class Plain:
    """Replicas by M/D/c at the rate of the last minute, held for five: the simplest such rule."""

    period_seconds = 10.0
    WINDOW_SECONDS = 60.0
    HOLD_SECONDS = 300.0

    def __init__(self, setting: Setting) -> None:
        self._staffing = Staffing(setting)
        self._held = RecentMaximum(self.HOLD_SECONDS)

    def decide(self, now: float, pods: Pods, telemetry: Telemetry) -> int:
        """The most that was needed within the hold."""
        window = last(self.WINDOW_SECONDS, now)
        if window.seconds <= 0:
            return self._held.record(now, pods.ordered)
        rate = telemetry.arrived(window.since, window.until) / window.seconds
        return self._held.record(now, self._staffing.pods(rate))
