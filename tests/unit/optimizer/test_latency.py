"""Latency: what is computed from the clock, with a clock that the test moves."""

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.support.measurements import latency
from trifocal.optimizer.capacity import batch_sizes, measure_capacity
from trifocal.optimizer.latency import ROUNDS, measure_latency, noise_between

IMAGE = np.zeros((3, 2, 2), np.float32)


class Clock:
    """Seconds that pass only while a runner runs."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Runner:
    """Takes as long as it is told; notes its name and batch in a log."""

    def __init__(
        self, clock: Clock, seconds: Callable[[int], float], name: str = "", log: Any = None
    ) -> None:
        self._clock, self._seconds, self._name = clock, seconds, name
        self._log = [] if log is None else log

    def run(self, batch: Any) -> Any:
        self._log.append(self._name)
        self._clock.now += self._seconds(len(batch))
        return batch


def ignore(_share: float) -> None:
    pass


def test_percentiles_are_in_milliseconds() -> None:
    clock = Clock()

    found = measure_latency({"a": Runner(clock, lambda _n: 0.004)}, IMAGE, clock, ignore)

    assert found["a"].percentiles == pytest.approx({50: 4.0, 90: 4.0, 95: 4.0, 99: 4.0})
    assert found["a"].round_quartiles == pytest.approx((4.0,) * ROUNDS)


def test_models_take_turns_and_none_is_always_first() -> None:
    clock = Clock()
    log: list[str] = []
    runners = {name: Runner(clock, lambda _n: 0.1, name, log) for name in "ab"}

    measure_latency(runners, IMAGE, clock, ignore)

    measured_part = "".join(log[10:])  # 5 warm-up runs each
    assert measured_part == ("aaaaabbbbb" + "bbbbbaaaaa") * (ROUNDS // 2)


def test_slow_phase_of_the_machine_hits_all_models() -> None:
    """Three times slower in the second half, which must not make one of two equals faster."""
    clock = Clock()

    def seconds(_n: int) -> float:
        return 0.1 if clock.now < 4 else 0.3

    found = measure_latency(
        {name: Runner(clock, seconds, name) for name in "ab"}, IMAGE, clock, ignore
    )

    assert abs(found["a"].typical - found["b"].typical) <= noise_between(found["a"], found["b"])


def test_fast_models_are_run_more_often_but_not_for_ever() -> None:
    clock = Clock()
    log: list[str] = []

    measure_latency({"a": Runner(clock, lambda _n: 1e-6, "a", log)}, IMAGE, clock, ignore)

    assert len(log) == 5 + ROUNDS * 60


@pytest.mark.parametrize(("least", "runs"), [(5, 5 + 20 * 5), (1, 1 + 20 * 1)])
def test_slow_models_are_run_as_often_as_their_percentiles_need(least: int, runs: int) -> None:
    clock = Clock()
    log: list[str] = []

    measure_latency(
        {"a": Runner(clock, lambda _n: 9.0, "a", log)}, IMAGE, clock, ignore, least=least
    )

    assert len(log) == runs


def test_noise_has_a_floor_that_one_process_cannot_see() -> None:
    assert noise_between(latency(2.0), latency(3.0)) == pytest.approx(0.1)


def test_noise_is_two_standard_errors_of_the_difference() -> None:
    """Differences of +-1: their median absolute deviation is 1, the sample's size 12."""
    expected = 2 * 1.4826 * (3.14159265 / 2) ** 0.5 / 12**0.5

    assert noise_between(latency(2.0, jitter=1.0), latency(2.0)) == pytest.approx(expected)


def test_bursts_of_a_neighbour_do_not_hide_a_real_difference() -> None:
    """Four runs of ten take 2 to 20 times as long; b is a third slower throughout."""
    clock, rng = Clock(), random.Random(0)  # noqa: S311 - not for secrets

    def seconds(own: float) -> Callable[[int], float]:
        return lambda _n: own * (rng.uniform(2, 20) if rng.random() < 0.4 else 1)

    runners = {"a": Runner(clock, seconds(0.003)), "b": Runner(clock, seconds(0.004))}
    found = measure_latency(runners, IMAGE, clock, ignore)

    assert found["a"].typical == pytest.approx(3.0)
    assert found["b"].typical == pytest.approx(4.0)
    assert noise_between(found["a"], found["b"]) < 1.0


@pytest.mark.parametrize(
    ("maximum", "expected"), [(1, (1,)), (4, (1, 2, 4)), (6, (1, 2, 4, 6)), (9, (1, 2, 4, 8, 9))]
)
def test_capacity_is_measured_at_powers_of_two_and_the_maximum(
    maximum: int, expected: tuple[int, ...]
) -> None:
    assert batch_sizes(maximum) == expected


def test_capacity_is_the_time_of_the_whole_batch() -> None:
    clock = Clock()

    points = measure_capacity(
        Runner(clock, lambda n: 0.001 + 0.002 * n), IMAGE, (1, 4), clock, ignore
    )

    assert [(p.batch, p.p50_milliseconds, p.p99_milliseconds) for p in points] == [
        (1, 3.0, 3.0),
        (4, 9.0, 9.0),
    ]
