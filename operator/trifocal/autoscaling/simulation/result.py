"""What a policy has achieved: bad minutes, late requests, replica-hours; and its course in time."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, groupby, pairwise
from math import ceil

import numpy as np
from numpy.typing import NDArray

from trifocal.autoscaling.simulation.engine import Outcome
from trifocal.autoscaling.simulation.moments import Moments
from trifocal.autoscaling.simulation.policy import Setting
from trifocal.autoscaling.simulation.trace import MINUTE_SECONDS

ROUNDING_SECONDS = 1e-6
"""A latency this little above the objective keeps it: times are added in floating point, and an
objective of exactly one execution is kept by a request that does not wait."""
_ROUNDING_REQUESTS = 1e-9
"""1 % of 300 requests are 3, whatever floating point says."""
_ROUNDING_MINUTES = 1e-9
"""Seven sevenths of a minute are one minute, likewise."""
_HOUR_SECONDS = 3600.0


@dataclass(frozen=True, kw_only=True)
class JobResult:
    """One job under one policy. Sequences have one element per minute of the trace."""

    job: str
    requests: tuple[int, ...]
    """That came in the minute."""
    late: tuple[int, ...]
    """Those of them that missed the objective, or were never answered."""
    bad: tuple[bool, ...]
    """Whether more of them were late than the percentile allows; not without requests."""
    ordered: tuple[float, ...]
    """Ordered replicas, mean over the minute."""
    ready: tuple[float, ...]
    """Ready pods, mean over the minute."""
    replica_hours: float
    """From a pod's order to its removal, drained; until the end of the trace."""
    changes: tuple[tuple[float, int], ...]
    """The ordered number from each time on, in seconds; the first is the initial one."""
    unanswered: int
    """Requests that no pod had executed long after the trace."""

    @property
    def scale_events(self) -> int:
        """Changes of the ordered number within the trace."""
        return len(self.changes) - 1


@dataclass(frozen=True, kw_only=True)
class PolicyResult:
    """One policy on all jobs of a trace."""

    policy: str
    bad_minutes: int
    """Job-minutes in which the objective was missed."""
    minutes: int
    """Job-minutes of the trace, those without requests included."""
    late_fraction: float
    """Share of all requests that missed the objective."""
    replica_hours: float
    scale_events: int
    peak_replicas: int
    """The most replicas that all jobs together had ordered at one time."""
    jobs: tuple[JobResult, ...]


def job_result(job: str, outcome: Outcome, setting: Setting) -> JobResult:
    """Judges one job minute by minute; a request counts for the minute in which it came."""
    load, pods = outcome.load, outcome.pods
    edges = _edges(load.seconds)
    requests = np.histogram(load.arrivals, edges)[0]
    kept = outcome.latency <= setting.objective_seconds + ROUNDING_SECONDS
    late = requests - np.histogram(outcome.came[kept], edges)[0]
    allowed = requests * (100 - setting.percentile) / 100 + _ROUNDING_REQUESTS
    return JobResult(
        job=job,
        requests=tuple(requests.tolist()),
        late=tuple(late.tolist()),
        bad=tuple((late > allowed).tolist()),
        ordered=_means([(pod.ordered_at, pod.left_at) for pod in pods], edges),
        ready=_means([(pod.ready_at, pod.left_at) for pod in pods], edges),
        replica_hours=_hours([(pod.ordered_at, pod.removed_at) for pod in pods], load.seconds),
        changes=tuple(order for order in outcome.orders if order[0] < load.seconds),
        unanswered=len(load.arrivals) - len(outcome.came),
    )


def policy_result(policy: str, jobs: Sequence[JobResult]) -> PolicyResult:
    """Adds up the jobs of one trace."""
    requests = sum(sum(job.requests) for job in jobs)
    late = sum(sum(job.late) for job in jobs)
    return PolicyResult(
        policy=policy,
        bad_minutes=sum(sum(job.bad) for job in jobs),
        minutes=sum(len(job.bad) for job in jobs),
        late_fraction=late / requests if requests else 0.0,
        replica_hours=sum(job.replica_hours for job in jobs),
        scale_events=sum(job.scale_events for job in jobs),
        peak_replicas=_peak([job.changes for job in jobs]),
        jobs=tuple(jobs),
    )


def _edges(seconds: float) -> NDArray[np.float64]:
    """Borders of the minutes; the last may end early with the trace."""
    minutes = ceil(seconds / MINUTE_SECONDS - _ROUNDING_MINUTES)
    edges = np.arange(minutes + 1, dtype=np.float64) * MINUTE_SECONDS
    edges[-1] = seconds
    return edges


def _means(spans: Sequence[tuple[float, float]], edges: NDArray[np.float64]) -> tuple[float, ...]:
    """Mean number of spans of time that cover a moment, minute by minute."""
    begun = Moments(sorted(begin for begin, end in spans if begin < end))
    ended = Moments(sorted(end for begin, end in spans if begin < end))
    return tuple(
        (begun.integral(since, until) - ended.integral(since, until)) / (until - since)
        for since, until in pairwise(edges.tolist())
    )


def _hours(spans: Sequence[tuple[float, float]], seconds: float) -> float:
    """Length of all spans together, within the trace."""
    return sum(max(min(end, seconds) - begin, 0.0) for begin, end in spans) / _HOUR_SECONDS


def _peak(changes: Sequence[Sequence[tuple[float, int]]]) -> int:
    """The largest sum, over jobs, of numbers that hold from each time on."""
    steps = [
        (at, number - before)
        for job in changes
        for (at, number), before in zip(job, (0, *(number for _, number in job)), strict=False)
    ]
    at_once = groupby(sorted(steps), key=lambda step: step[0])
    return max(accumulate(sum(step for _, step in group) for _, group in at_once), default=0)
