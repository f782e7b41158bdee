"""What the plots show, by hand; and files that are really images."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest
from matplotlib.patches import Rectangle

from tests.unit.autoscaling.simulation.results import job, result
from tests.unit.autoscaling.simulation.settings import FARO
from trifocal.autoscaling.simulation.lost import Lost
from trifocal.autoscaling.simulation.plots.figure import PlotsMissingError, require
from trifocal.autoscaling.simulation.plots.files import save
from trifocal.autoscaling.simulation.plots.pareto import front, ticks
from trifocal.autoscaling.simulation.plots.timeline import course, timeline

PNG = b"\x89PNG\r\n\x1a\n"


def test_a_course_adds_up_the_jobs() -> None:
    found = course(result("keda", job((60, 120, 0), (0, 3, 0)), job((60, 60, 0), (12, 0, 0), 3)))

    assert found.load.tolist() == [2.0, 3.0, 0.0]
    assert found.ordered.tolist() == [5.0, 5.0, 5.0]
    assert found.late_percent.tolist() == pytest.approx([10.0, 3 / 1.8, 0.0])
    assert found.bad.tolist() == [True, True, False]


def test_front_keeps_what_nothing_undercuts() -> None:
    # (3, 5) costs more than (2, 5) and misses as often; (2, 7) misses more at the same cost.
    points = [(4.0, 1), (2.0, 5), (3.0, 5), (2.0, 7), (5.0, 2), (1.0, 9)]

    assert front(points) == [(1.0, 9), (2.0, 5), (4.0, 1)]


@pytest.mark.parametrize(
    ("most", "expected"),
    [(0, (0, 1)), (1, (0, 1)), (3, (0, 1, 2, 5)), (40, (0, 1, 2, 5, 10, 20, 50))],
)
def test_ticks_reach_the_largest_count(most: int, expected: tuple[int, ...]) -> None:
    assert ticks(most) == expected


def test_files_are_images_even_of_a_load_without_requests(tmp_path: Path) -> None:
    written = save([result("keda", job((0, 0), (0, 0)))], FARO, 0.0, tmp_path / "new" / "folder")

    assert [path.name for path in written] == ["timeline.png", "pareto.png"]
    assert all(path.read_bytes().startswith(PNG) for path in written)


def test_times_without_metrics_are_shaded() -> None:
    blind = replace(FARO, lost=Lost(windows=((60, 180),)))
    drawn = timeline([result("keda", job((60,) * 4, (0,) * 4))], blind)

    (shade,) = (p for p in drawn.axes[0].patches if p.get_label() == "no metrics")
    assert isinstance(shade, Rectangle)
    assert (shade.get_x(), shade.get_width()) == (1, 2), "in minutes"


def test_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)

    with pytest.raises(PlotsMissingError, match=r'pip install "trifocal\[plots\]"'):
        require()
