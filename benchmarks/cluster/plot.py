"""The ramp as a picture: load, pods and late requests over time, one panel for each scaler."""

from pathlib import Path

import numpy as np

from benchmarks.cluster.judging import is_late
from benchmarks.cluster.ramp import STEP_SECONDS, Outcome
from benchmarks.cluster.replay import OBJECTIVE_SECONDS
from trifocal.autoscaling.simulation.plots.figure import LATE, LOAD, ORDERED, READY, new_figure
from trifocal.autoscaling.simulation.plots.files import DOTS_PER_INCH

_SIZE = (9.0, 5.5)
"""Inches."""


def save(outcome: Outcome, path: Path) -> None:
    """Writes a PNG."""
    figure = new_figure(*_SIZE)
    panels = figure.subplots(len(outcome.sides), 1, sharex=True, sharey=True, squeeze=False)
    seconds = outcome.load.seconds
    edges = np.arange(0.0, seconds + STEP_SECONDS, STEP_SECONDS)
    rate = np.histogram(outcome.load.arrivals, edges)[0] / STEP_SECONDS
    for panel, side in zip(panels[:, 0], outcome.sides, strict=True):
        panel.fill_between(edges[:-1] / 60, rate, step="post", color=LOAD, label="requests/s")
        times = [max(count.at, 0.0) / 60 for count in side.counts] + [seconds / 60]
        for name, colour in (("ordered", ORDERED), ("ready", READY)):
            numbers = [getattr(count, name) for count in side.counts]
            panel.step(
                times, [*numbers, numbers[-1]], where="post", color=colour, label=f"pods {name}"
            )
        late = [one.due / 60 for one in side.answers if is_late(one, OBJECTIVE_SECONDS)]
        panel.plot(late, [0.0] * len(late), "|", color=LATE, markersize=12, label="late requests")
        panel.set_title(f"{side.name}: {len(late)} late", loc="left", fontsize=9)
        panel.set_ylabel("pods, requests/s")
    panels[0, 0].legend(fontsize=8, loc="upper right")
    panels[-1, 0].set_xlabel("minutes")
    figure.savefig(path, dpi=DOTS_PER_INCH)
