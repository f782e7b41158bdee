"""What the benchmark says of its goals, by hand."""

import math

import pytest
from benchmarks.autoscaling.goals import (
    Score,
    better_on_both,
    direction_changes,
    on_faro,
    times_fewer,
)


def score(bad: float, hours: float) -> Score:
    return Score(bad_minutes=bad, replica_hours=hours)


@pytest.mark.parametrize(
    ("ours", "theirs", "times"), [(20, 120, 6.0), (0, 120, math.inf), (0, 0, 1.0)]
)
def test_times_fewer(ours: float, theirs: float, times: float) -> None:
    assert times_fewer(score(ours, 1), score(theirs, 1)) == times


@pytest.mark.parametrize(
    ("cold_start", "bad", "hours", "met"),
    [
        (35.0, 20, 236.0, [True, True]),
        (35.0, 21, 236.0, [False, True]),
        (35.0, 20, 236.1, [False, True]),
        (35.0, 31, 236.0, [False, False]),
        (120.0, 30, 236.0, [True]),
        (120.0, 31, 236.0, [False]),
    ],
)
def test_against_keda_and_the_clairvoyant(
    cold_start: float, bad: float, hours: float, met: list[bool]
) -> None:
    # 6 and 4 times fewer than 120 are 20 and 30; 1.08 x 220 are 237.6 hours, 3 x 6 + 10 are 28.
    scores = {
        "trifocal": score(bad, hours),
        "keda": score(120, 236.0),
        "clairvoyant-p99.9": score(6, 220.0),
    }

    assert [verdict.met for verdict in on_faro(cold_start, scores)] == met


def test_nothing_is_judged_without_the_policy() -> None:
    assert on_faro(35.0, {"keda": score(120, 236.0)}) == []


def test_better_on_both_axes_only() -> None:
    others = {"cheap": score(9, 1), "good": score(1, 9), "both": score(4, 4), "same": score(5, 4)}

    assert better_on_both(score(5, 5), others) == ["both"]


@pytest.mark.parametrize(
    ("numbers", "changes"),
    [([3], 0), ([1, 2, 5], 0), ([1, 4, 4, 2], 1), ([2, 3, 2, 3, 3, 2], 3)],
)
def test_direction_changes(numbers: list[int], changes: int) -> None:
    assert direction_changes(numbers) == changes
