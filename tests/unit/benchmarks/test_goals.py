"""What the benchmark says of its goals, by hand."""

from dataclasses import replace

import pytest
from benchmarks.optimization.comparison import Row
from benchmarks.optimization.goals import goals, line

AUTO = Row(
    model="pages",
    target="litert",
    candidate="auto",
    accuracy=0.97,
    agreement=0.98,
    milliseconds=2.0,
    size=100,
    passes=True,
    why="chose int8",
)
PLAIN = replace(AUTO, candidate="plain static_wi8_ai8")
GRID = replace(AUTO, candidate="grid", milliseconds=1.6)
SOURCE = replace(AUTO, candidate="source", target="onnxruntime", milliseconds=4.0)


@pytest.mark.parametrize(
    ("plain", "standing"),
    [
        ({"milliseconds": 4.0}, "better"),
        ({"milliseconds": 1.0}, "worse"),
        ({"milliseconds": 1.0, "passes": False}, "better"),
        ({"milliseconds": 2.08}, "equal"),
        ({"milliseconds": 2.08, "size": 50}, "worse"),
        ({"milliseconds": 1.96, "size": 200}, "better"),
    ],
)
def test_time_counts_first_and_then_size(plain: dict[str, float], standing: str) -> None:
    (found,) = goals([SOURCE, AUTO, GRID, replace(PLAIN, **plain)])  # type: ignore[arg-type]  # fields of Row

    assert found.standing == standing


def test_the_fastest_plain_recipe_that_passes_is_the_one_to_beat() -> None:
    rows = [replace(PLAIN, candidate=f"plain {ms}", milliseconds=ms) for ms in (3.0, 1.0, 2.5)]
    rows[1] = replace(rows[1], passes=False)

    (found,) = goals([SOURCE, AUTO, *rows])

    assert found.plain is not None
    assert found.plain.candidate == "plain 2.5"


def test_the_source_stands_where_nothing_better_was_found_and_it_can_be_served() -> None:
    rows = [SOURCE, replace(PLAIN, target="onnxruntime", milliseconds=8.0), PLAIN]

    server, device = goals(rows)

    assert (server.found, server.standing) == (SOURCE, "better")
    assert (device.found, device.standing) == (None, "worse")


def test_the_line_has_both_ratios() -> None:
    (found,) = goals([SOURCE, AUTO, GRID, replace(PLAIN, milliseconds=8.0)])

    assert found.slower_than_grid == pytest.approx(0.25)
    assert "0.25 x the time of plain static_wi8_ai8" in line(found)
    assert "+25 % against the grid's best" in line(found)
