"""What was measured, in figures, and whether an objective would hold. Pure."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from trifocal.cli.benchmark.open_loop import Answer

PERCENTILES = (50, 95, 99)
CONFIDENCE = 0.95
"""Of the interval by which an objective is judged."""
FAILURES_SHOWN = 5


class Verdict(StrEnum):
    """Whether the objective would hold at this rate."""

    HOLDS = "holds"
    MISSED = "is missed"
    UNTOLD = "cannot be told"
    NONE = "not set"


@dataclass(frozen=True, kw_only=True)
class Limit:
    """An objective of spec.scaling."""

    percentile: int
    milliseconds: float


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """The objective beside what was measured."""

    verdict: Verdict
    limit: Limit | None = None
    measured: float | None = None
    """The percentile in milliseconds; None where it is a request that failed."""
    low: float | None = None
    """Lower end of its interval, in milliseconds; None where no request is fast enough to tell."""
    high: float | None = None
    """Upper end; None where there were too few requests, or too many failed."""
    enough: int = 0
    """Requests that it takes at least for an upper end."""


@dataclass(frozen=True, kw_only=True)
class Summary:
    """All figures of one load."""

    requests: int
    failed: int
    failures: Mapping[str, int]
    """The most frequent ones, and how often."""
    seconds: float
    """From the first instant to the last answer."""
    answers_per_second: float
    latency_milliseconds: Mapping[str, float]
    """By percentile (p50), of answered requests, from when each was due; empty without any."""
    late_milliseconds: float
    """p99 of how late requests were sent: what this machine adds itself."""
    objective: Judgement


def summed_up(answers: Sequence[Answer], limit: Limit | None) -> Summary:
    """The figures of a load of at least one request."""
    answered = sorted(1000 * a.latency for a in answers if a.failure is None)
    failures = Counter(a.failure for a in answers if a.failure is not None)
    seconds = max(a.ended for a in answers)
    late = sorted(1000 * max(a.sent - a.due, 0.0) for a in answers)
    return Summary(
        requests=len(answers),
        failed=failures.total(),
        failures=dict(failures.most_common(FAILURES_SHOWN)),
        seconds=seconds,
        answers_per_second=len(answered) / seconds,
        latency_milliseconds={f"p{p}": nearest_rank(answered, p) for p in PERCENTILES if answered},
        late_milliseconds=nearest_rank(late, 99),
        objective=judged([*answered, *[math.inf] * failures.total()], limit),
    )


def judged(ordered: Sequence[float], limit: Limit | None) -> Judgement:
    """Whether the percentile is within its limit, as far as so many requests can tell.

    Args:
        ordered: Latencies in milliseconds, ascending; a request that failed took for ever.
        limit: The objective; None where there is none.
    """
    if limit is None:
        return Judgement(verdict=Verdict.NONE)
    low_rank, high_rank = interval(len(ordered), limit.percentile)
    low = ordered[low_rank - 1] if low_rank else 0.0
    high = ordered[high_rank - 1] if high_rank else math.inf
    if high <= limit.milliseconds:
        verdict = Verdict.HOLDS
    elif low > limit.milliseconds:
        verdict = Verdict.MISSED
    else:
        verdict = Verdict.UNTOLD
    return Judgement(
        verdict=verdict,
        limit=limit,
        measured=_finite(nearest_rank(ordered, limit.percentile)),
        low=_finite(low) if low_rank else None,
        high=_finite(high),
        enough=enough(limit.percentile),
    )


def interval(count: int, percentile: int) -> tuple[int | None, int | None]:
    """Ranks, from 1, between which a percentile lies with at least 95 % confidence.

    Order statistics j < k of n independent values enclose the p-quantile with the probability
    P(j <= B < k), where B is binomial of n and p: Le Boudec, "Performance Evaluation of Computer
    and Communication Systems", theorem 2.1. Requests that wait for each other are not independent,
    so that the true interval is somewhat wider.

    Returns:
        None for an end that so few values do not give.
    """
    tail, share = (1 - CONFIDENCE) / 2, percentile / 100
    below, low, high = 0.0, None, None
    for successes in range(count):
        below += _binomial(count, successes, share)
        rank = successes + 1
        if below <= tail:
            low = rank
        if below >= 1 - tail:
            high = rank
            break
    return low, high


def enough(percentile: int) -> int:
    """The least number of requests of which the slowest is an upper end: 1 - p^n >= 97.5 %."""
    return math.ceil(math.log((1 - CONFIDENCE) / 2) / math.log(percentile / 100))


def nearest_rank(ordered: Sequence[float], percentile: int) -> float:
    """The smallest value that at least `percentile` % of the values do not exceed."""
    return ordered[max(0, -(-len(ordered) * percentile // 100) - 1)]


def _binomial(count: int, successes: int, share: float) -> float:
    ways = math.lgamma(count + 1) - math.lgamma(successes + 1) - math.lgamma(count - successes + 1)
    return math.exp(ways + successes * math.log(share) + (count - successes) * math.log(1 - share))


def _finite(milliseconds: float) -> float | None:
    return milliseconds if math.isfinite(milliseconds) else None
