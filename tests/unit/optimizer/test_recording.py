"""Recorded answers: which values, and how far a pod's may be from them."""

from typing import Any

import numpy as np
import pytest

from trifocal.optimizer.contract import Tensor
from trifocal.optimizer.recording import record_smoke, sample_indices
from trifocal.triton.smoke_input import smoke_input

INPUT = (Tensor(name="x", dtype="float32", shape=(-1, 3, 2, 2)),)


class Answers:
    """Answers the same to everything, and keeps what it was asked."""

    def __init__(self, values: list[float]) -> None:
        self._values = np.array([values], np.float32)
        self.asked: Any = None

    def run(self, batch: Any) -> Any:
        self.asked = batch
        return self._values


def test_input_is_the_one_that_the_operator_makes() -> None:
    runner = Answers([0.0, 1.0])

    smoke = record_smoke(runner, INPUT)

    assert (runner.asked == smoke_input(smoke.seed, INPUT)["x"]).all()
    assert runner.asked.shape == (1, 3, 2, 2)


def test_few_answers_are_all_recorded() -> None:
    smoke = record_smoke(Answers([0.25, 0.5, -1.0]), INPUT)

    assert [(v.index, v.value) for v in smoke.values] == [(0, 0.25), (1, 0.5), (2, -1.0)]


def test_many_answers_are_sampled_evenly() -> None:
    assert sample_indices(1000) == tuple(int(i * 62.5) for i in range(16))


@pytest.mark.parametrize(
    ("values", "tolerance"), [([0.0, 10.0], 0.2), ([0.2, 0.21], 1e-3), ([-4.0, 1.0], 0.1)]
)
def test_tolerance_is_two_percent_of_the_range_but_not_nothing(
    values: list[float], tolerance: float
) -> None:
    assert record_smoke(Answers(values), INPUT).tolerance == pytest.approx(tolerance)
