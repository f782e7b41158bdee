"""Trifocal's own scaling as a policy: the simulator's telemetry as a signal, the real decision.

Windows and scrapes are those of `trifocal.autoscaling.scaler`; nothing is decided here. Of what
the scaler sees in a cluster, counters that leave with their pod are missing.
"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import get_args

from trifocal.api.gate import LatencyPercentile
from trifocal.api.scaling import LatencyObjective, Objective, ScalingSpec
from trifocal.api.serving import Batching
from trifocal.autoscaling.decision import ScaleDecision, decide
from trifocal.autoscaling.history import seeded
from trifocal.autoscaling.outlook import CONTROL_SECONDS, Situation
from trifocal.autoscaling.reason import ScaleReason
from trifocal.autoscaling.signal import NoData, ServiceTime, Signal
from trifocal.autoscaling.simulation.policy import Pods, Setting, Telemetry
from trifocal.autoscaling.simulation.readings import Readings, Span, read
from trifocal.optimizer.contract import CapacityPoint

START = datetime(2000, 1, 1, tzinfo=UTC)
"""Second 0 of a simulation. The decision only compares times."""


class Trifocal:
    """Decides for one job as the operator would at each scrape.

    A cold start that was simulated before is known: the operator measures those of its own pods.
    """

    period_seconds = CONTROL_SECONDS

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._situation: Situation | None = None
        self._ready = 0
        self.last: ScaleDecision | None = None
        """With its reason, for whoever wants to know why."""

    def decide(self, now: float, pods: Pods, telemetry: Telemetry) -> int:
        """What `trifocal.autoscaling.decision` says."""
        at = START + timedelta(seconds=now)
        before = self._situation or _first(self._setting, pods, at)
        situation = replace(
            before,
            signal=self._signal(now, pods, telemetry),
            current=pods.ordered,
            ready=pods.ready,
        )
        self.last, history = decide(situation, at)
        self._situation = replace(situation, history=history)
        self._ready = pods.ready
        return self.last.replicas

    def _signal(self, now: float, pods: Pods, telemetry: Telemetry) -> Signal | NoData:
        if not pods.ready:
            return NoData(reason=ScaleReason.NO_READY_PODS, message="No pod is ready.")
        if now <= 0:
            return NoData(reason=ScaleReason.NO_METRICS, message="No pod was read twice yet.")
        readings = read(self._setting.lost, pods.ready, now)
        if readings is None:
            return NoData(reason=ScaleReason.NO_METRICS, message="No pod was read twice lately.")
        return Signal(
            arrivals_per_second=_arrivals_per_second(readings, telemetry),
            failures_per_second=0.0,
            waiting=_waiting(readings, telemetry),
            service=_service_time(self._setting, readings.latency, telemetry),
            latency_milliseconds=_milliseconds(
                telemetry.latency(
                    self._setting.percentile, readings.latency.since, readings.latency.until
                )
            ),
            # A pod that has just become ready was read once, and rates need two readings.
            complete=readings.complete and pods.ready <= self._ready,
        )


def _first(setting: Setting, pods: Pods, now: datetime) -> Situation:
    """The situation when the operator sees the job for the first time."""
    return Situation(
        scaling=ScalingSpec(
            min_replicas=max(setting.min_replicas, 1),
            max_replicas=setting.max_replicas,
            objective=Objective(
                latency=LatencyObjective(
                    percentile=_asked(setting.percentile),
                    max_milliseconds=setting.objective_seconds * 1000,
                )
            ),
        ),
        signal=NoData(reason=ScaleReason.NO_METRICS, message=""),
        history=seeded(pods.ordered, now),
        current=pods.ordered,
        ready=pods.ready,
        capacity=_capacity(setting),
        batching=Batching(max_batch_size=setting.max_batch),
        balancing=setting.balancing,
        cold_start_seconds=setting.cold_start_seconds,
    )


def _asked(percentile: float) -> LatencyPercentile:
    """The least percentile that the spec knows and that keeps this one; else the greatest."""
    known: tuple[LatencyPercentile, ...] = get_args(LatencyPercentile)
    return min((p for p in known if p >= percentile), default=max(known))


def _capacity(setting: Setting) -> tuple[CapacityPoint, ...]:
    """What the optimization Job would measure."""
    return tuple(
        CapacityPoint(batch=size, p50_milliseconds=tau, p99_milliseconds=tau)
        for size in setting.batch_sizes
        for tau in [setting.execution_seconds(size) * 1000]
    )


def _arrivals_per_second(readings: Readings, telemetry: Telemetry) -> float:
    """Over the pods that were read, each of which gets its part of what arrives."""
    return sum(
        count
        / readings.pods
        * (telemetry.arrived(span.since, span.until) / (span.until - span.since))
        for span, count in readings.spans.items()
    )


def _waiting(readings: Readings, telemetry: Telemetry) -> float:
    """Likewise, at the last reading of each."""
    return sum(
        count / readings.pods * telemetry.waiting(span.until)
        for span, count in readings.spans.items()
    )


def _service_time(setting: Setting, window: Span, telemetry: Telemetry) -> ServiceTime | None:
    """Of the executions that ended in the window, whose time is linear in their batch."""
    since, until = window.since, window.until
    answered, executions = telemetry.answered(since, until), telemetry.executions(since, until)
    latency = telemetry.mean_latency(since, until)
    if not answered or not executions or latency is None:
        return None
    batch = max(answered / executions, 1.0)
    execution = setting.execution_seconds(batch)
    return ServiceTime(
        execution_milliseconds=execution * 1000,
        requests_per_execution=batch,
        inferences_per_request=1.0,
        queue_milliseconds=max(latency - execution, 0.0) * 1000,
        requests=answered,
    )


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else seconds * 1000
