"""Dispersion: what a load varies beyond chance. Loads are drawn with a known one."""

import numpy as np
import pytest

from trifocal.autoscaling.dispersion import dispersion


def buckets(minutes: np.ndarray) -> np.ndarray:
    """Rates of four buckets a minute, from counts a minute."""
    return np.repeat(minutes / 60, 4).astype(np.float32)


def test_independent_requests_have_a_dispersion_of_one() -> None:
    found = dispersion(buckets(np.random.default_rng(1).poisson(600, 60)), 15)
    assert found == pytest.approx(1, abs=0.4)


def test_requests_that_come_in_fives_have_one_of_five() -> None:
    """Of k times a Poisson count of mean m, the variance is k^2 m, and the mean k m."""
    found = dispersion(buckets(5 * np.random.default_rng(1).poisson(600, 60)), 15)
    assert found == pytest.approx(5, rel=0.4)


def test_a_jump_is_not_taken_for_dispersion() -> None:
    drawn = np.random.default_rng(1)
    steps = np.concatenate((drawn.poisson(600, 30), drawn.poisson(3000, 30)))
    assert dispersion(buckets(steps), 15) == pytest.approx(1, abs=0.5)


def test_two_counts_by_hand() -> None:
    """Counts of 90 and 110 in turn: 20^2 / 200 = 2 for each pair, over 0.455."""
    found = dispersion(buckets(np.array([90, 110] * 10)), 15)
    assert found == pytest.approx(2 / 0.455, rel=1e-3)


def test_silence_says_nothing() -> None:
    assert dispersion(np.zeros(240, np.float32), 15) is None
    assert dispersion(np.ones(20, np.float32), 15) is None
