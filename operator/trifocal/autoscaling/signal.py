"""From what pods have counted to what the load is: rates, service time, measured latency. Pure.

The counters of one pod are compared over time, never over pods; the pods' increases are added.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from trifocal.autoscaling.latency import Grown, late_share, latency_milliseconds
from trifocal.autoscaling.reason import ScaleReason
from trifocal.triton.exposition import ModelSamples


@dataclass(frozen=True, kw_only=True)
class Reading:
    """One pod's counters for one model at one time."""

    at: datetime
    samples: ModelSamples


@dataclass(frozen=True, kw_only=True)
class Windows:
    """How far back the signal looks."""

    rate: timedelta
    """For arrivals and failures: short, for they change fast."""
    latency: timedelta
    """For latency and service time: longer, for a percentile needs many requests."""


@dataclass(frozen=True, kw_only=True)
class ServiceTime:
    """What one execution on one instance cost, averaged over the latency window."""

    execution_milliseconds: float
    """Mean execution as a request sees it: long batches weigh more, so it errs upwards."""
    requests_per_execution: float
    inferences_per_request: float
    queue_milliseconds: float
    """Mean wait before execution, the batcher's own delay included."""
    requests: float
    """Answered requests that this is the mean of."""

    @property
    def occupancy_milliseconds(self) -> float:
        """Mean time that one request occupies an instance: its share of its batch."""
        return self.execution_milliseconds / self.requests_per_execution


@dataclass(frozen=True, kw_only=True)
class Signal:
    """What was measured over the ready pods of one model."""

    arrivals_per_second: float
    """Answered, failed, and joined the queue."""
    failures_per_second: float
    waiting: float
    """Requests that wait for execution now."""
    service: ServiceTime | None
    """None when no request was answered in the window."""
    latency_milliseconds: float | None
    """Measured at the asked percentile; None without traffic, or when Triton reports none."""
    late_share: float | None = None
    """Of the requests that were answered or refused, those later than the limit; None without
    traffic, without a limit, or where no bucket of the histogram ends at it."""
    complete: bool
    """Every ready pod was read at least twice; otherwise the rates are a lower bound."""


@dataclass(frozen=True, kw_only=True)
class NoData:
    """Nothing is known about the load. It is a value: whoever gets it holds."""

    reason: ScaleReason
    message: str


def append(readings: Sequence[Reading], newest: Reading, keep: timedelta) -> tuple[Reading, ...]:
    """The readings of one pod, oldest first, with a new one; those older than `keep` leave.

    A counter that has fallen means that Triton started anew. What was counted before is given up
    and the new counts are taken as grown from zero since the last reading. One that is not later
    than the last says nothing new: two Prometheus behind one address take turns, and the counts
    of the one that scraped earlier are no restart.
    """
    if readings and newest.at <= readings[-1].at:
        return tuple(readings)
    if readings and _has_restarted(readings[-1].samples, newest.samples):
        return (Reading(at=readings[-1].at, samples=_NOTHING), newest)
    return (*(r for r in readings if r.at >= newest.at - keep), newest)


def measure(
    readings: Mapping[str, Sequence[Reading]],
    pods: Collection[str],
    *,
    percentile: int,
    limit_milliseconds: float | None = None,
    windows: Windows,
    now: datetime,
) -> Signal | NoData:
    """The signal of the pods that are ready now; readings of others are left out.

    Args:
        readings: Each pod's readings, oldest first, by uid.
        pods: uids of the ready pods.
        percentile: Which percentile of the latency is asked for.
        limit_milliseconds: What it should stay below.
        windows: How far to look back.
        now: The time of the pass.
    """
    if not pods:
        return NoData(
            reason=ScaleReason.NO_READY_PODS,
            message="No pod is ready, so there is nothing to measure.",
        )
    recent = {uid: _since(readings.get(uid, ()), now - windows.rate) for uid in pods}
    spans = [(found[0], found[-1]) for found in recent.values() if _spans_time(found)]
    if not spans:
        return NoData(
            reason=ScaleReason.NO_METRICS,
            message=f"None of {len(pods)} ready pods gave its metrics twice in the last "
            f"{windows.rate.total_seconds():.0f} s.",
        )
    longer = [
        (found[0].samples, found[-1].samples)
        for uid, short in recent.items()
        if _spans_time(short)
        for found in [_since(readings[uid], now - windows.latency)]
    ]
    return Signal(
        arrivals_per_second=sum(_arrivals_per_second(*span) for span in spans),
        failures_per_second=sum(_failures_per_second(*span) for span in spans),
        waiting=sum(last.samples.pending for _, last in spans),
        service=_service_time(longer),
        latency_milliseconds=latency_milliseconds(longer, percentile),
        late_share=None if limit_milliseconds is None else late_share(longer, limit_milliseconds),
        complete=len(spans) == len(pods),
    )


_NOTHING = ModelSamples(failure={}, request_quantiles_microseconds={})
"""The counters of a server that has just started."""


def _has_restarted(before: ModelSamples, after: ModelSamples) -> bool:
    return (
        after.success < before.success
        or after.executions < before.executions
        or _failures(after) < _failures(before)
    )


def _since(readings: Sequence[Reading], start: datetime) -> Sequence[Reading]:
    return [r for r in readings if r.at >= start]


def _spans_time(readings: Sequence[Reading]) -> bool:
    return bool(readings) and readings[-1].at > readings[0].at


def _failures(samples: ModelSamples) -> float:
    return sum(samples.failure.values())


def _arrivals_per_second(first: Reading, last: Reading) -> float:
    before, after = first.samples, last.samples
    arrived = (
        (after.success - before.success)
        + (_failures(after) - _failures(before))
        + (after.pending - before.pending)
    )
    return max(arrived, 0.0) / (last.at - first.at).total_seconds()


def _failures_per_second(first: Reading, last: Reading) -> float:
    failed = _failures(last.samples) - _failures(first.samples)
    return failed / (last.at - first.at).total_seconds()


def _compute(samples: ModelSamples) -> float:
    return (
        samples.compute_input_microseconds
        + samples.compute_infer_microseconds
        + samples.compute_output_microseconds
    )


def _service_time(pods: Sequence[Grown]) -> ServiceTime | None:
    requests = sum(b.success - a.success for a, b in pods)
    executions = sum(b.executions - a.executions for a, b in pods)
    inferences = sum(b.inferences - a.inferences for a, b in pods)
    if requests <= 0 or executions <= 0:
        return None
    return ServiceTime(
        execution_milliseconds=sum(_compute(b) - _compute(a) for a, b in pods) / requests / 1000,
        requests_per_execution=max(requests / executions, 1.0),
        inferences_per_request=max(inferences / requests, 1.0),
        queue_milliseconds=sum(b.queue_microseconds - a.queue_microseconds for a, b in pods)
        / requests
        / 1000,
        requests=requests,
    )
