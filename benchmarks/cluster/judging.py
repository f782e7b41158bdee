"""What the clients saw, minute by minute and in and out of cold starts; what it cost. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil, inf, nan

from benchmarks.cluster.fleet import Count
from trifocal.cli.benchmark import summary
from trifocal.cli.benchmark.open_loop import Answer

MINUTE_SECONDS = 60.0
PERCENTILE = 99
_ROUNDING = 1e-9


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """Of one deployment under one load."""

    requests: int
    failed: int
    late: int
    """Not answered within the objective, counted from when they were due; failed ones too."""
    p50: float
    p99: float
    """Seconds; infinite when so many failed."""
    minutes: int
    bad_minutes: int
    """With more late requests than the percentile allows, by the minute in which they were due."""
    settled_requests: int
    settled_late: int
    """Of those that were due while every ordered pod was ready."""
    replica_minutes: float
    """Of ordered pods."""
    peak: int
    changes: int
    """Of the ordered number."""
    bad: tuple[bool, ...]

    @property
    def late_share(self) -> float:
        """Of all requests."""
        return self.late / self.requests if self.requests else 0.0

    @property
    def settled_late_share(self) -> float:
        """Outside cold starts."""
        return self.settled_late / self.settled_requests if self.settled_requests else 0.0


def judge(
    answers: Sequence[Answer], counts: Sequence[Count], objective: float, seconds: float
) -> Judgement:
    """Judges answers by an objective in seconds, over a load of some seconds."""
    late = [one for one in answers if is_late(one, objective)]
    settled = [one for one in answers if not is_starting(counts, one.due)]
    latencies = sorted(inf if one.failure else one.latency for one in answers)
    bad = bad_minutes(answers, objective, seconds)
    orders = [count.ordered for count in counts]
    return Judgement(
        requests=len(answers),
        failed=sum(one.failure is not None for one in answers),
        late=len(late),
        p50=nearest_rank(latencies, 50),
        p99=nearest_rank(latencies, PERCENTILE),
        minutes=len(bad),
        bad_minutes=sum(bad),
        settled_requests=len(settled),
        settled_late=sum(is_late(one, objective) for one in settled),
        replica_minutes=replica_seconds(counts, seconds) / MINUTE_SECONDS,
        peak=max(orders, default=0),
        changes=sum(before != after for before, after in pairwise(orders)),
        bad=bad,
    )


def is_late(answer: Answer, objective: float) -> bool:
    """Whether it failed or took longer than the objective."""
    return answer.failure is not None or answer.latency > objective


def is_starting(counts: Sequence[Count], at: float) -> bool:
    """Whether a pod was ordered and not ready then."""
    before = [count for count in counts if count.at <= at]
    return bool(before) and before[-1].ready < before[-1].ordered


def bad_minutes(answers: Sequence[Answer], objective: float, seconds: float) -> tuple[bool, ...]:
    """For each minute, whether more were late than the percentile allows."""
    minutes = ceil(seconds / MINUTE_SECONDS - _ROUNDING)
    came, late = [0] * minutes, [0] * minutes
    for one in answers:
        minute = min(int(one.due / MINUTE_SECONDS), minutes - 1)
        came[minute] += 1
        late[minute] += is_late(one, objective)
    allowed = (100 - PERCENTILE) / 100
    return tuple(
        few > allowed * all_of_it + _ROUNDING for few, all_of_it in zip(late, came, strict=True)
    )


def replica_seconds(counts: Sequence[Count], seconds: float) -> float:
    """Of ordered pods, from 0 to `seconds`; what was counted first holds from the start on."""
    if not counts:
        return 0.0
    edges = [*(max(min(count.at, seconds), 0.0) for count in counts[1:]), seconds]
    since = 0.0
    total = 0.0
    for count, until in zip(counts, edges, strict=True):
        total += count.ordered * (until - since)
        since = until
    return total


def nearest_rank(ordered: Sequence[float], percentile: int) -> float:
    """The smallest value that at least `percentile` % of the values do not exceed; NaN of none."""
    return summary.nearest_rank(ordered, percentile) if ordered else nan


def cold_starts(counts: Sequence[Count]) -> list[float]:
    """Seconds of each stretch in which ordered pods were not ready, but for one that goes on."""
    lengths = []
    since: float | None = None
    for count in counts:
        if count.ready < count.ordered:
            since = count.at if since is None else since
        elif since is not None:
            lengths.append(count.at - since)
            since = None
    return lengths
