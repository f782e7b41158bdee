"""Whether the goals are met: against plain recipes, and against the full grid. Pure.

Two times differ when they are more than 5 % apart: less is noise, and then the smaller file wins.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from benchmarks.optimization.comparison import Row

NOISE = 0.05
Standing = Literal["better", "equal", "worse", "none passes"]


@dataclass(frozen=True, kw_only=True)
class Goal:
    """How the automatic search did for one model on one target."""

    model: str
    target: str
    found: Row | None
    """What was chosen; the source, where the target can serve it and nothing is better."""
    plain: Row | None
    """The fastest plain recipe that passes the gate."""
    grid: Row | None

    @property
    def standing(self) -> Standing:
        """Against the plain recipe."""
        if self.found is None:
            return "none passes" if self.plain is None else "worse"
        return "better" if self.plain is None else compared(self.found, self.plain)

    @property
    def slower_than_grid(self) -> float | None:
        """Share by which the grid's best is faster; negative where it is slower."""
        times = [row.milliseconds for row in (self.found, self.grid) if row is not None]
        if len(times) < 2 or times[0] is None or times[1] is None:  # noqa: PLR2004 - both
            return None
        return times[0] / times[1] - 1


def goals(rows: Sequence[Row]) -> list[Goal]:
    """One for each model and target that was optimized."""
    places = dict.fromkeys(
        (row.model, row.target) for row in rows if row.candidate.startswith("plain")
    )
    return [_goal([row for row in rows if row.model == model], model, at) for model, at in places]


def _goal(rows: Sequence[Row], model: str, target: str) -> Goal:
    here = [row for row in rows if row.target == target]
    source = next((r for r in rows if r.candidate == "source" and r.target == target), None)
    return Goal(
        model=model,
        target=target,
        found=_named("auto", here) or source,
        plain=_fastest(row for row in here if row.candidate.startswith("plain") and row.passes),
        grid=_named("grid", here) or source,
    )


def compared(one: Row, other: Row) -> Standing:
    """Faster beats slower; as fast, smaller beats larger."""
    if one.milliseconds is None or other.milliseconds is None or not one.passes:
        return "worse"
    for ours, theirs in ((one.milliseconds, other.milliseconds), (one.size, other.size)):
        if ours is not None and theirs is not None and abs(ours / theirs - 1) > NOISE:
            return "better" if ours < theirs else "worse"
    return "equal"


def line(goal: Goal) -> str:
    """For people."""
    found, plain = goal.found, goal.plain
    parts = [f"{goal.model:10}{goal.target:12} {goal.standing:11}"]
    if found is not None and plain is not None and found.milliseconds and plain.milliseconds:
        ratio = found.milliseconds / plain.milliseconds
        parts.append(f"{ratio:.2f} x the time of {plain.candidate}")
    elif plain is None:
        parts.append("no plain recipe passes the gate")
    slower = goal.slower_than_grid
    if slower is not None:
        parts.append(f"{100 * slower:+.0f} % against the grid's best")
    return "  ".join(parts)


def _named(name: str, rows: Iterable[Row]) -> Row | None:
    return next((row for row in rows if row.candidate == name), None)


def _fastest(rows: Iterable[Row]) -> Row | None:
    timed = [row for row in rows if row.milliseconds is not None]
    return min(timed, key=lambda row: row.milliseconds or 0.0, default=None)
