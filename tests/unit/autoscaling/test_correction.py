"""The correction by hand arithmetic, and its bounds."""

from datetime import UTC, datetime, timedelta

import pytest

from trifocal.autoscaling.correction import Correction, is_enough, is_telling

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def after(seconds: float, measured: float) -> Correction:
    """What is left of a difference that was measured each 5 s for this time, modelled as 100."""
    correction = Correction(at=NOW)
    for step in range(1, int(seconds / 5) + 1):
        correction = correction.learn(measured, 100.0, NOW + timedelta(seconds=5 * step))
    return correction


def test_a_difference_that_stays_is_believed_to_two_thirds_after_ten_minutes() -> None:
    """1 - 1/e = 0.632 of the way from 1 to 1.5."""
    assert after(600, 150.0).factor == pytest.approx(1.316, abs=0.001)


@pytest.mark.parametrize(("measured", "bound"), [(10_000.0, 2.0), (1.0, 0.5)])
def test_it_stays_within_a_factor_of_two(measured: float, bound: float) -> None:
    assert after(3 * 3600, measured).factor == pytest.approx(bound, abs=0.001)


def test_one_measurement_after_a_long_time_counts_for_fifteen_seconds() -> None:
    """1 - exp(-15 / 600) = 0.0247 of the way from 1 to 2."""
    late = Correction(at=NOW).learn(200.0, 100.0, NOW + timedelta(hours=1))
    assert late.factor == pytest.approx(1.0247, abs=0.0001)


def test_a_percentile_rests_on_ten_late_answers() -> None:
    assert is_enough(1000, 99)
    assert not is_enough(999, 99)
    assert is_enough(20, 50)


def test_a_tail_far_below_the_objective_says_nothing_about_the_model_near_it() -> None:
    assert is_telling(360, 720)
    assert not is_telling(359, 720)
