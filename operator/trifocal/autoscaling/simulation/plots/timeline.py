"""Load, replicas and misses over time, a panel for each policy."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trifocal.autoscaling.simulation.plots.figure import LATE, LOAD, ORDERED, READY, new_figure
from trifocal.autoscaling.simulation.policy import Setting
from trifocal.autoscaling.simulation.result import PolicyResult
from trifocal.autoscaling.simulation.trace import MINUTE_SECONDS, busy_replicas

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MANY = 3
"""More policies than this are drawn in two columns."""
CUT = 2.0
"""Replicas are drawn up to so many times what the load needs; one that orders more is cut off, so
that the others can still be told apart; the title has its peak."""
HOURS_FROM = 180
"""Minutes from which on time is drawn in hours."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Course:
    """All jobs of one policy together, minute by minute."""

    load: NDArray[np.float64]
    """Requests per second."""
    ordered: NDArray[np.float64]
    ready: NDArray[np.float64]
    late_percent: NDArray[np.float64]
    """Of the minute's requests; 0 without any."""
    bad: NDArray[np.bool_]
    """Whether at least one job missed the objective."""


def course(result: PolicyResult) -> Course:
    """Adds up the jobs."""
    jobs = result.jobs
    requests = np.sum([job.requests for job in jobs], axis=0)
    late = np.sum([job.late for job in jobs], axis=0)
    return Course(
        load=requests / MINUTE_SECONDS,
        ordered=np.sum([job.ordered for job in jobs], axis=0),
        ready=np.sum([job.ready for job in jobs], axis=0),
        late_percent=100 * late / np.maximum(requests, 1),
        bad=np.any([job.bad for job in jobs], axis=0),
    )


def timeline(results: Sequence[PolicyResult], setting: Setting) -> "Figure":
    """One panel for each policy: replicas over what the load keeps busy, and late requests below.

    Raises:
        PlotsMissingError: matplotlib is not installed.
    """
    columns = 1 if len(results) <= MANY else 2
    rows = math.ceil(len(results) / columns)
    figure = new_figure(12.0 if columns == 2 else 9.0, 0.9 + 2.3 * rows)  # noqa: PLR2004 - as above
    courses = [course(result) for result in results]
    need = busy_replicas(1.0, setting)
    top = _top(courses, need)
    grid = figure.add_gridspec(rows, columns)
    for number, (result, one) in enumerate(zip(results, courses, strict=True)):
        place = grid[number // columns, number % columns].subgridspec(2, 1, height_ratios=(3, 1))
        replicas = figure.add_subplot(place[0])
        late = figure.add_subplot(place[1], sharex=replicas)
        _draw_replicas(replicas, result, one, need, top)
        _shade_lost(replicas, setting, one)
        _draw_late(late, one)
        if number % columns == columns - 1 or number == len(results) - 1:
            second = replicas.secondary_yaxis("right", functions=(_times(1 / need), _times(need)))
            second.set_ylabel("load, requests/s")
        if number >= len(results) - columns:
            late.set_xlabel("time, h" if _in_hours(one) else "time, min")
    _share_legend(figure)
    return figure


def _counted(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _times(factor: float) -> Callable[[ArrayLike], ArrayLike]:
    return lambda values: np.multiply(values, factor)


def _top(courses: Sequence[Course], need: float) -> float:
    """Replicas up to which all panels are drawn."""
    most = max(float(one.ordered.max(initial=1.0)) for one in courses)
    busy = max(float(one.load.max(initial=0.0)) for one in courses) * need
    return 1.08 * min(most, CUT * max(busy, 1.0)) if busy else 1.08 * most


def _draw_replicas(
    axes: "Axes", result: PolicyResult, one: Course, need: float, top: float
) -> None:
    time = _time(one)
    axes.stairs(
        one.load * need, time, fill=True, color=LOAD, label="replicas that the load keeps busy"
    )
    for replicas, colour, width, label in (
        (one.ready, READY, 3.0, "ready replicas"),
        (one.ordered, ORDERED, 1.1, "ordered replicas"),
    ):
        axes.stairs(replicas, time, baseline=None, color=colour, linewidth=width, label=label)
    axes.set_ylim(0, top)
    axes.set_xlim(time[0], time[-1])
    axes.set_ylabel("replicas")
    axes.tick_params(labelbottom=False)
    axes.set_title(
        f"{result.policy}: {_counted(result.bad_minutes, 'bad minute')}, "
        f"{result.replica_hours:.1f} replica-hours, peak {result.peak_replicas}",
        loc="left",
        fontsize="medium",
    )


def _shade_lost(axes: "Axes", setting: Setting, one: Course) -> None:
    """When no metric could be read."""
    unit = 3600.0 if _in_hours(one) else 60.0
    for since, until in setting.lost.windows:
        axes.axvspan(
            since / unit, until / unit, color=LATE, alpha=0.12, linewidth=0, label="no metrics"
        )


def _draw_late(axes: "Axes", one: Course) -> None:
    """Late requests in percent on a scale that shows 1 % and 100 %, bad minutes in full colour."""
    time = _time(one)
    for bad, strength, label in (
        (False, 0.35, "late requests, in minutes that keep the objective"),
        (True, 1.0, "late requests, in bad minutes"),
    ):
        part = np.where(one.bad == bad, one.late_percent, 0.0)
        axes.stairs(part, time, fill=True, color=LATE, alpha=strength, label=label)
    axes.set_yscale("symlog", linthresh=1.0)
    axes.set_ylim(0, 100)
    axes.set_yticks((0, 1, 10, 100), ("0", "1", "10", "100"), fontsize="x-small")
    axes.set_ylabel("late, %")
    axes.grid(axis="y", color="#DDDDDD", linewidth=0.5)


def _time(one: Course) -> NDArray[np.float64]:
    """Borders of the minutes, in the unit of the axis."""
    return np.arange(len(one.load) + 1) / (60.0 if _in_hours(one) else 1.0)


def _in_hours(one: Course) -> bool:
    return len(one.load) >= HOURS_FROM


def _share_legend(figure: "Figure") -> None:
    """One legend above all panels."""
    handles = {
        label: handle
        for axes in figure.axes[:2]
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    figure.legend(handles.values(), handles.keys(), loc="outside upper center", ncols=3, fontsize=8)
