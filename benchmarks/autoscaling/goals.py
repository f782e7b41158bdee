"""What Trifocal's policy is to show, and whether it does. Pure."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from trifocal.autoscaling.simulation.result import PolicyResult

OURS, RIVAL, ORACLE = "trifocal", "keda", "clairvoyant-p99.9"
FEWER: Mapping[float, float] = {35.0: 6.0, 120.0: 4.0, 300.0: 4.0}
"""By the cold start in seconds: how many times fewer bad minutes than KEDA's, at no more cost."""
OVER_ORACLE = 1.08
"""Replica-hours, as a multiple of the clairvoyant's."""
ORACLE_TIMES, ORACLE_PLUS = 3.0, 10.0
"""Bad minutes: so many times the clairvoyant's, and so many more."""
JUDGED_BY_ORACLE = 35.0
"""Seconds: the cold start at which the clairvoyant is the measure."""
TURNS_PER_CHANGE = 2
"""Changes of direction that one real change of the load may cause."""
DECISION_SECONDS = 1e-3
"""CPU time of one decision, in the mean."""


@dataclass(frozen=True, kw_only=True)
class Score:
    """What a policy costs and misses."""

    bad_minutes: float
    replica_hours: float


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """One goal."""

    sentence: str
    """With the figure measured, and the goal."""
    met: bool


def mean(results: Sequence[PolicyResult]) -> Score:
    """Over seeds."""
    return Score(
        bad_minutes=sum(one.bad_minutes for one in results) / len(results),
        replica_hours=sum(one.replica_hours for one in results) / len(results),
    )


def times_fewer(ours: Score, theirs: Score) -> float:
    """How many times as many bad minutes they have; 1 when neither has any."""
    if ours.bad_minutes == theirs.bad_minutes:
        return 1.0
    return theirs.bad_minutes / ours.bad_minutes if ours.bad_minutes else math.inf


def on_faro(cold_start: float, scores: Mapping[str, Score]) -> list[Verdict]:
    """Against KEDA and against the clairvoyant, by the policies' names."""
    ours, rival, oracle = (scores.get(name) for name in (OURS, RIVAL, ORACLE))
    verdicts = []
    if ours and rival and cold_start in FEWER:
        fewer, cost = times_fewer(ours, rival), ours.replica_hours / rival.replica_hours
        verdicts.append(
            Verdict(
                sentence=f"{fewer:.1f} times fewer bad minutes than {RIVAL} (goal: at least "
                f"{FEWER[cold_start]:g}) at {cost:.3f} of its replica-hours (at most 1)",
                met=fewer >= FEWER[cold_start] and cost <= 1,
            )
        )
    if ours and oracle and cold_start == JUDGED_BY_ORACLE:
        cost = ours.replica_hours / oracle.replica_hours
        most = ORACLE_TIMES * oracle.bad_minutes + ORACLE_PLUS
        verdicts.append(
            Verdict(
                sentence=f"{cost:.3f} of the replica-hours of {ORACLE} (goal: at most "
                f"{OVER_ORACLE:g}) with {ours.bad_minutes:.1f} bad minutes (at most {most:.1f})",
                met=cost <= OVER_ORACLE and ours.bad_minutes <= most,
            )
        )
    return verdicts


def better_on_both(ours: Score, others: Mapping[str, Score]) -> list[str]:
    """Names of those with fewer bad minutes at less cost."""
    return [
        name
        for name, other in others.items()
        if other.bad_minutes < ours.bad_minutes and other.replica_hours < ours.replica_hours
    ]


def turns(result: PolicyResult) -> int:
    """How often the ordered number changed its direction, over all jobs."""
    return sum(direction_changes([number for _, number in job.changes]) for job in result.jobs)


def given_up(result: PolicyResult, windows: Sequence[tuple[float, float]]) -> int:
    """Replicas that were given up within windows of time, in seconds, over all jobs."""
    return sum(
        max(before - after, 0)
        for job in result.jobs
        for (_, before), (at, after) in pairwise(job.changes)
        if any(since <= at < until for since, until in windows)
    )


def direction_changes(numbers: Sequence[int]) -> int:
    """How often a sequence goes on downwards after it went up, or upwards after it went down."""
    ups = [after > before for before, after in pairwise(numbers) if after != before]
    return sum(one != other for one, other in pairwise(ups))
