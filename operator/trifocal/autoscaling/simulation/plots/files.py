"""The plots as files."""

from collections.abc import Sequence
from pathlib import Path

from trifocal.autoscaling.simulation.plots.pareto import pareto
from trifocal.autoscaling.simulation.plots.timeline import timeline
from trifocal.autoscaling.simulation.policy import Setting
from trifocal.autoscaling.simulation.result import PolicyResult

TIMELINE, PARETO = "timeline.png", "pareto.png"
DOTS_PER_INCH = 130


def save(
    results: Sequence[PolicyResult], setting: Setting, least_hours: float, folder: Path
) -> tuple[Path, ...]:
    """Writes both plots as PNG into the folder, which is made if it is missing.

    Raises:
        PlotsMissingError: matplotlib is not installed.
    """
    drawn = {TIMELINE: timeline(results, setting), PARETO: pareto(results, least_hours)}
    folder.mkdir(parents=True, exist_ok=True)
    for name, figure in drawn.items():
        figure.savefig(folder / name, dpi=DOTS_PER_INCH)
    return tuple(folder / name for name in drawn)
