"""The benchmark's tables, for people."""

from collections.abc import Mapping, Sequence

from rich.table import Table

from benchmarks.autoscaling.cases import Results
from benchmarks.autoscaling.decisions import Spent
from benchmarks.autoscaling.goals import RIVAL, Verdict, given_up, mean, times_fewer, turns


def over_seeds(title: str, seeds: Sequence[int], results: Sequence[Results]) -> Table:
    """One load with several seeds: each seed's bad minutes, and means."""
    found = _table(
        title,
        *(f"bad, seed {seed}" for seed in seeds),
        "bad",
        f"{RIVAL}'s are",
        "late",
        "replica-hours",
        f"of {RIVAL}'s",
        "scale events",
        "peak",
    )
    for policy in results[0]:
        each = [one[policy] for one in results]
        ours = mean(each)
        rival = mean([one[RIVAL] for one in results]) if RIVAL in results[0] else None
        found.add_row(
            policy,
            *(str(one.bad_minutes) for one in each),
            f"{ours.bad_minutes:.1f}",
            f"{times_fewer(ours, rival):.1f} x" if rival else "-",
            f"{sum(one.late_fraction for one in each) / len(each):.2%}",
            f"{ours.replica_hours:.1f}",
            f"{ours.replica_hours / rival.replica_hours:.3f}" if rival else "-",
            f"{sum(one.scale_events for one in each) / len(each):.0f}",
            str(max(one.peak_replicas for one in each)),
        )
    return found


def one_load(title: str, results: Results) -> Table:
    """One load with one seed."""
    found = _table(title, "bad", "of", "late", "replica-hours", "turns", "peak")
    for policy, one in results.items():
        found.add_row(
            policy,
            str(one.bad_minutes),
            str(one.minutes),
            f"{one.late_fraction:.2%}",
            f"{one.replica_hours:.1f}",
            str(turns(one)),
            str(one.peak_replicas),
        )
    return found


def many_loads(title: str, results: Mapping[str, Results]) -> Table:
    """Several loads side by side: bad minutes, replica-hours, changes of direction."""
    found = _table(title, *results)
    for policy in next(iter(results.values())):
        cells = (one[policy] for one in results.values())
        found.add_row(
            policy,
            *(f"{one.bad_minutes} / {one.replica_hours:.1f} / {turns(one)}" for one in cells),
        )
    return found


def decisions(title: str, spent: Mapping[str, Spent]) -> Table:
    """CPU time of each policy's decisions."""
    found = _table(title, "decisions", "mean, us", "slowest, us")
    for policy, one in spent.items():
        found.add_row(
            policy,
            str(one.decisions),
            f"{1e6 * one.mean_seconds:.0f}",
            f"{1e6 * one.slowest_seconds:.0f}",
        )
    return found


def lost(title: str, results: Results, windows: Sequence[tuple[float, float]]) -> Table:
    """One load of which metrics are lost: replicas that went while nothing could be known."""
    found = _table(title, "given up unseen", "bad", "late", "replica-hours", "turns", "peak")
    for policy, one in results.items():
        found.add_row(
            policy,
            str(given_up(one, windows)) if windows else "-",
            str(one.bad_minutes),
            f"{one.late_fraction:.2%}",
            f"{one.replica_hours:.1f}",
            str(turns(one)),
            str(one.peak_replicas),
        )
    return found


def rows(
    title: str, first: str, numbers: Sequence[str], body: Mapping[str, Sequence[str]]
) -> Table:
    """Any figures: a name, and its numbers."""
    found = _table(title, *numbers, first=first)
    for name, cells in body.items():
        found.add_row(name, *cells)
    return found


def line(verdict: Verdict) -> str:
    """A goal, and whether it is met."""
    return f"{'met   ' if verdict.met else 'MISSED'}  {verdict.sentence}"


def _table(title: str, *numbers: str, first: str = "policy") -> Table:
    found = Table(title=title, title_justify="left")
    found.add_column(first, no_wrap=True)
    for name in numbers:
        found.add_column(name, justify="right")
    return found
