"""Periods and surges of series whose period is known, and of noise that has none."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trifocal.autoscaling.season import period, surge


def pulses(count: int, every: int, height: float = 10.0) -> np.ndarray:
    """Zero but for two steps at the end of each period."""
    return np.array([height if t % every >= every - 2 else 0.0 for t in range(count)])


@pytest.mark.parametrize("every", [12, 37, 60])
def test_the_period_of_pulses_is_found_once_two_were_seen(every: int) -> None:
    assert period(pulses(2 * every + 4, every), shortest=8) == every


def test_the_period_of_a_sine_is_found() -> None:
    """And not its multiples, which correlate as well."""
    steps = np.arange(400)
    assert period(np.sin(2 * np.pi * steps / 48), shortest=8) == 48


def test_pulses_are_found_under_noise() -> None:
    noise = np.random.default_rng(5).normal(0, 2.0, 600)
    assert period(pulses(600, 60) + noise, shortest=8) == 60


def test_noise_has_no_period() -> None:
    draws = np.random.default_rng(11)
    assert [period(draws.normal(0, 1, 300), shortest=8) for _ in range(50)] == [0] * 50


@pytest.mark.parametrize("width", [4, 6, 12])
def test_errors_that_overlap_have_no_period(width: int) -> None:
    """Forecasts over the same minutes err alike: chance looks like waves of about that length."""
    draws = np.random.default_rng(3)
    errors = [
        np.convolve(draws.normal(0, 1, 119 + width), np.ones(width) / width, "valid")
        for _ in range(100)
    ]
    assert sum(period(it, shortest=width + 2) > 0 for it in errors) <= 1


def test_less_than_two_periods_show_none() -> None:
    assert period(pulses(100, 60), shortest=8) == 0


def test_what_never_errs_has_no_period() -> None:
    assert period(np.zeros(300), shortest=8) == 0


def test_a_surge_is_expected_where_it_came_each_time_before() -> None:
    """The last step is 59; pulses came at 18, 19, 38, 39 and 58, 59; the next at 78 and 79."""
    errors = pulses(60, 20)
    expected = [surge(errors, 20, ahead) for ahead in (15, 18, 19, 20)]
    assert expected == [0.0, 10.0, 10.0, 10.0]


def test_a_surge_that_came_once_is_not_expected() -> None:
    errors = np.zeros(60)
    errors[39] = 10.0
    assert surge(errors, 20, 20) == 0.0


def test_of_two_surges_the_smaller_is_believed_and_of_more_the_median() -> None:
    twice = np.zeros(43)
    twice[[18, 38]] = 4.0, 8.0
    assert surge(twice, 20, 16) == 4.0
    more = np.zeros(100)
    more[[15, 35, 55, 75, 95]] = 1.0, 2.0, 3.0, 4.0, 8.0
    assert surge(more, 20, 16) == 3.0


@settings(deadline=None, max_examples=30)
@given(st.lists(st.floats(-50, 50), min_size=20, max_size=200), st.integers(2, 20))
def test_a_surge_is_never_negative_and_never_more_than_was_seen(
    errors: list[float], ahead: int
) -> None:
    found = surge(np.array(errors), 10, ahead % 10 + 1)
    assert 0.0 <= found <= max(*errors, 0.0)
