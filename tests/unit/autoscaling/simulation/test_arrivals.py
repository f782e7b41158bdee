"""Requests keep the trace's counts, are random within a step, and the same for the same seed."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trifocal.autoscaling.simulation.arrivals import draw
from trifocal.autoscaling.simulation.trace import Trace


def trace(*requests: float, step_seconds: float = 60, job: str = "a") -> Trace:
    return Trace(jobs={job: np.array(requests, dtype=float)}, step_seconds=step_seconds)


@settings(deadline=None, max_examples=30)
@given(
    requests=st.lists(st.integers(0, 50), min_size=1, max_size=20), seed=st.integers(0, 2**32 - 1)
)
def test_each_step_gets_exactly_its_requests_in_order(requests: list[int], seed: int) -> None:
    load = draw(trace(*requests), "a", seed)
    assert load.seconds == 60 * len(requests)
    assert np.all(np.diff(load.arrivals) >= 0)
    assert np.bincount((load.arrivals // 60).astype(int), minlength=len(requests)).tolist() == (
        requests
    )
    assert len(load.choices) == len(load.arrivals)
    assert np.all((load.choices >= 0) & (load.choices < 1))


def test_fractions_add_up_to_whole_requests() -> None:
    """A tenth of a request per step, ten times, is one request; 2.5 and 2.5 are 2 and 3."""
    assert len(draw(trace(*[0.1] * 10), "a", 7).arrivals) == 1
    halves = draw(trace(2.5, 2.5), "a", 7).arrivals
    assert [np.sum(halves < 60), np.sum(halves >= 60)] == [2, 3]


def test_gaps_are_those_of_a_poisson_process() -> None:
    """Exponential: exp(-1) of them are above the mean, exp(-3) above three times it."""
    gaps = np.diff(draw(trace(100_000), "a", 7).arrivals)
    mean = 60 / 100_000
    assert np.mean(gaps > mean) == pytest.approx(math.exp(-1), abs=0.006)
    assert np.mean(gaps > 3 * mean) == pytest.approx(math.exp(-3), abs=0.003)


def test_the_same_seed_and_job_give_the_same_requests_whatever_other_jobs_there_are() -> None:
    alone = draw(trace(100), "a", 7)
    both = Trace(jobs={"b": np.array([5.0]), "a": np.array([100.0])}, step_seconds=60)
    beside = draw(both, "a", 7)
    assert alone.arrivals.tolist() == beside.arrivals.tolist()
    assert alone.choices.tolist() == beside.choices.tolist()


def test_another_seed_or_job_gives_other_requests() -> None:
    first = draw(trace(100), "a", 7).arrivals.tolist()
    assert draw(trace(100), "a", 8).arrivals.tolist() != first
    assert draw(trace(100, job="b"), "b", 7).arrivals.tolist() != first


def test_of_means_the_counts_are_drawn_too_and_repeat_with_the_seed() -> None:
    means = Trace(jobs={"a": np.full(50, 9.5)}, step_seconds=60, by_chance=True)

    one, same, other = (draw(means, "a", seed).arrivals for seed in (1, 1, 2))

    assert np.array_equal(one, same)
    assert len(one) != len(other)
    assert abs(len(one) - 475) < 5 * 475**0.5
