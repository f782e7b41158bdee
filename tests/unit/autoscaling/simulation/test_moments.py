"""Counts and integrals over windows, by hand."""

import pytest

from trifocal.autoscaling.simulation.moments import Moments


def test_a_window_includes_its_start_and_not_its_end() -> None:
    moments = Moments([1, 2, 2, 5])
    assert moments.before(2) == 1
    assert moments.count(1, 2) == 1
    assert moments.count(2, 5) == 2
    assert moments.count(2, 5.1) == 3
    assert moments.count(6, 9) == 0


def test_the_integral_counts_each_from_its_time_to_the_end_of_the_window() -> None:
    """Over [3, 7): the three before 3 count for 4 s each, the one at 5 for 2 s."""
    assert Moments([1, 2, 2, 5]).integral(3, 7) == pytest.approx(3 * 4 + 2)


def test_times_are_added_at_the_end() -> None:
    moments = Moments()
    moments.extend([1, 3])
    moments.extend([4])
    assert len(moments) == 3
    assert moments.count(2, 9) == 2
