"""Forecasts: a sketch's time in the source's, whatever the machine does meanwhile."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trifocal.optimizer.forecasting import MAX_RUNS, MIN_RUNS, WARM_UP_RUNS, Stopwatch
from trifocal.optimizer.search.forecast import Forecast

IMAGE = np.zeros((3, 2, 2), np.float32)


@dataclass
class Machine:
    """Time passes only while a runner runs; `slowness` stretches it."""

    now: float = 0.0
    slowness: float = 1.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Timed:
    """A runner that takes so many seconds for a batch."""

    machine: Machine
    seconds: Callable[[int], float]
    batches: list[int] = field(default_factory=list)

    def run(self, batch: Any) -> Any:
        self.batches.append(len(batch))
        self.machine.now += self.machine.slowness * self.seconds(len(batch))
        return batch


def stopwatch(machine: Machine, max_batch: int = 8) -> tuple[Stopwatch, Timed]:
    source = Timed(machine, lambda size: 0.004 * size)
    return Stopwatch(source=source, image=IMAGE, max_batch=max_batch, clock=machine), source


def test_source_is_timed_with_one_image_and_with_a_full_batch() -> None:
    watch, source = stopwatch(Machine())

    found = watch.forecast_of_source(1234)

    assert found.milliseconds == pytest.approx(4.0)
    assert found.milliseconds_per_image == pytest.approx(4.0)
    assert found.size == 1234
    assert set(source.batches) == {1, 8}


def test_machine_that_became_slower_changes_no_forecast(tmp_path: Path) -> None:
    """Half the time of one image, a quarter of each image's in a batch; the size is the file's."""
    machine = Machine()
    watch, _ = stopwatch(machine)
    source = watch.forecast_of_source(1234)
    path = tmp_path / "sketch"
    path.write_bytes(b"12345")
    machine.slowness = 10.0

    found = watch.forecast(
        Timed(machine, lambda size: 0.002 if size == 1 else 0.001 * size), path, source
    )

    assert found.milliseconds == pytest.approx(2.0)
    assert found.milliseconds_per_image == pytest.approx(1.0)
    assert found.size == 5


@pytest.mark.parametrize(
    ("seconds", "runs"), [(10.0, MIN_RUNS), (0.1, 4), (1e-5, MAX_RUNS), (0.0, MAX_RUNS)]
)
def test_slow_models_are_run_seldom_and_fast_ones_not_for_ever(seconds: float, runs: int) -> None:
    machine = Machine()
    source = Timed(machine, lambda _size: seconds)
    watch = Stopwatch(source=source, image=IMAGE, max_batch=2, clock=machine)

    watch.forecast_of_source(1)

    assert source.batches.count(1) == WARM_UP_RUNS + runs


def test_rehearsal_runs_the_largest_batch_once() -> None:
    watch, source = stopwatch(Machine())

    watch.rehearse(source)

    assert source.batches == [8]


def test_machine_that_slows_down_while_it_is_timed_changes_no_forecast(tmp_path: Path) -> None:
    """As fast as the source, which is run first in every turn or never."""
    machine = Machine()
    path = tmp_path / "sketch"
    path.write_bytes(b"12345")
    calls = 0

    def falling(_size: int) -> float:
        nonlocal calls
        calls += 1
        machine.slowness = 1.0 if calls <= 2 * WARM_UP_RUNS + 300 else 3.0
        return 0.001

    both = Timed(machine, falling)
    watch = Stopwatch(source=both, image=IMAGE, max_batch=1, clock=machine)
    known = Forecast(milliseconds=1.0, milliseconds_per_image=1.0, size=5)

    found = watch.forecast(Timed(machine, falling), path, known)

    assert found.milliseconds == pytest.approx(1.0)
