"""Cost against misses, a point for each policy."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from trifocal.autoscaling.simulation.plots.figure import KNOWING, LOAD, ORDERED, new_figure
from trifocal.autoscaling.simulation.result import PolicyResult

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDE = 3.0
"""Ratio of the largest to the least cost from which on the axis is logarithmic."""
NEAR = 5.0
"""Pixels: half of a marker. Points so near to each other share a name."""

OURS = "trifocal"
"""Its name is bold."""
_BEHIND = {"facecolor": "white", "edgecolor": "none", "alpha": 0.75, "pad": 0.5}
"""Of a name, so that lines do not strike it through."""


def pareto(results: Sequence[PolicyResult], least_hours: float) -> "Figure":
    """Cost against bad minutes: what lies left of and below another policy is better on both.

    Raises:
        PlotsMissingError: matplotlib is not installed.
    """
    figure = new_figure(9.0, 5.5)
    axes = figure.add_subplot()
    _draw_points(axes, results)
    axes.axvline(
        least_hours,
        color="#666666",
        linestyle="--",
        linewidth=1,
        label="least cost of keeping the objective",
    )
    _scale(axes, results, least_hours)
    figure.legend(loc="outside upper center", ncols=2, fontsize=8)
    figure.draw_without_rendering()
    _name_points(axes, results)
    return figure


def _draw_points(axes: "Axes", results: Sequence[PolicyResult]) -> None:
    measuring = [_point(one) for one in results if not _knows_the_load(one)]
    edge = front(measuring)
    if edge:
        hours, bad = zip(*edge, strict=True)
        axes.plot(
            hours, bad, color=LOAD, linewidth=1.5, zorder=1, label="the best trade-offs of these"
        )
    for knows, marker, colour, label in (
        (False, "o", ORDERED, "policies that measure the load"),
        (True, "*", KNOWING, "policies that know it in advance"),
    ):
        points = [_point(one) for one in results if _knows_the_load(one) == knows]
        if points:
            hours, bad = zip(*points, strict=True)
            axes.scatter(hours, bad, marker=marker, s=60, color=colour, label=label, zorder=2)


def front(points: Sequence[tuple[float, int]]) -> list[tuple[float, int]]:
    """The points that no other undercuts in one figure without exceeding it in the other."""
    best: list[tuple[float, int]] = []
    for point in sorted(set(points)):
        if not best or point[1] < best[-1][1]:
            best.append(point)
    return best


def ticks(most: float) -> tuple[int, ...]:
    """0, 1, 2, 5, 10, 20... up to the first that is not below `most`."""
    found = [0]
    while found[-1] < most or len(found) == 1:
        power, step = divmod(len(found) - 1, 3)
        found.append((1, 2, 5)[step] * 10**power)
    return tuple(found)


def _point(one: PolicyResult) -> tuple[float, int]:
    return one.replica_hours, one.bad_minutes


def _knows_the_load(one: PolicyResult) -> bool:
    return one.policy == "static" or one.policy.startswith("clairvoyant")


def _scale(axes: "Axes", results: Sequence[PolicyResult], least_hours: float) -> None:
    """Logarithmic where one policy costs several times what another does; 0 has its place."""
    from matplotlib.ticker import FixedLocator, NullLocator, StrMethodFormatter  # noqa: PLC0415

    hours = [least_hours, *(one.replica_hours for one in results)]
    low, high = min(hours), max(hours)
    axes.set_xlabel("cost, replica-hours")
    if low > 0 and high > WIDE * low:
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(FixedLocator(_round_numbers(low, high)))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    counts = ticks(max(one.bad_minutes for one in results))
    axes.set_yscale("symlog", linthresh=1.0, linscale=0.4)
    axes.set_yticks(counts, [str(count) for count in counts])
    axes.yaxis.set_minor_locator(NullLocator())
    axes.set_ylim(-0.3, 1.15 * counts[-1])
    axes.set_ylabel("bad minutes")
    axes.margins(x=0.12)
    axes.grid(color="#E4E4E4", linewidth=0.6)
    axes.set_axisbelow(True)


def _round_numbers(low: float, high: float) -> list[float]:
    """1, 1.5, 2, 3, 5 and 7 times the powers of ten about a range."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    return [lead * 10.0**power for power in powers for lead in (1, 1.5, 2, 3, 5, 7)]


def _name_points(axes: "Axes", results: Sequence[PolicyResult]) -> None:
    """Writes each name where it covers no marker and no other name; equal points share one."""
    together: dict[tuple[int, int], list[PolicyResult]] = {}
    pixels = axes.transData.transform([_point(one) for one in results])
    for one, (x, y) in zip(results, pixels, strict=True):
        together.setdefault((round(x / NEAR), round(y / NEAR)), []).append(one)
    taken: list[tuple[float, ...]] = [(x - NEAR, y - NEAR, x + NEAR, y + NEAR) for x, y in pixels]
    for group in together.values():
        name = ", ".join(one.policy for one in group)
        for side in _SIDES:
            text = axes.annotate(
                name,
                _point(group[0]),
                xytext=side.offset,
                textcoords="offset points",
                ha=side.horizontal,
                va=side.vertical,
                fontsize=9,
                fontweight="bold" if OURS in name.split(", ") else "normal",
                bbox=_BEHIND,
            )
            box = text.get_window_extent().extents
            if side is _SIDES[-1] or not any(_overlap(box, other) for other in taken):
                taken.append(tuple(box))
                break
            text.remove()


@dataclass(frozen=True, kw_only=True)
class _Side:
    """Where a name stands, seen from its marker; the offset in points."""

    offset: tuple[float, float]
    horizontal: Literal["left", "right", "center"]
    vertical: Literal["bottom", "top", "center"]


_SIDES = (
    _Side(offset=(7, 0), horizontal="left", vertical="center"),
    _Side(offset=(-7, 0), horizontal="right", vertical="center"),
    _Side(offset=(0, 6), horizontal="center", vertical="bottom"),
    _Side(offset=(0, -6), horizontal="center", vertical="top"),
    _Side(offset=(6, 8), horizontal="left", vertical="bottom"),
    _Side(offset=(6, -8), horizontal="left", vertical="top"),
    _Side(offset=(-6, 8), horizontal="right", vertical="bottom"),
    _Side(offset=(-6, -8), horizontal="right", vertical="top"),
    _Side(offset=(7, 18), horizontal="left", vertical="bottom"),
    _Side(offset=(7, -18), horizontal="left", vertical="top"),
)
"""In the order in which they are tried; the last stands, whatever it covers."""


def _overlap(one: Sequence[float], other: Sequence[float]) -> bool:
    """Whether two boxes (left, bottom, right, top) have a point in common."""
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
