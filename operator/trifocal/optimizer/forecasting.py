"""Measures untrained builds, briefly: what the search orders candidates by."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trifocal.optimizer.latency import Clock, time_runs
from trifocal.optimizer.runtimes.backend import Runner
from trifocal.optimizer.search.forecast import Forecast

SECONDS = 0.4
"""For each of the two batch sizes: enough to tell 1 ms from 1.2, too little to tell 1.03."""
MIN_RUNS = 3
MAX_RUNS = 400
"""A network of 30 microseconds is told from one of 31 within 12 ms."""
WARM_UP_RUNS = 2
TURNS = 5
"""In which a model and the source take their runs, while there are so many: a processor that
changes its pace within those 0.4 s then does so for both."""


@dataclass(frozen=True, kw_only=True)
class Stopwatch:
    """Times models against the source, so that a machine that slows down misleads nobody."""

    source: Runner
    image: NDArray[np.float32]
    max_batch: int
    clock: Clock

    def forecast_of_source(self, size: int) -> Forecast:
        """Of the source itself."""
        return Forecast(
            milliseconds=self._milliseconds(self.source, 1),
            milliseconds_per_image=self._milliseconds(self.source, self.max_batch) / self.max_batch,
            size=size,
        )

    def forecast(self, runner: Runner, path: Path, source: Forecast) -> Forecast:
        """Of a built file. Its times are as many sources long as they are now.

        Raises:
            ModelRunError: The runtime refuses.
        """
        return Forecast(
            milliseconds=source.milliseconds * self._ratio(runner, 1),
            milliseconds_per_image=source.milliseconds_per_image
            * self._ratio(runner, self.max_batch),
            size=path.stat().st_size,
        )

    def rehearse(self, runner: Runner) -> None:
        """Run the largest batch once: who cannot do that is not worth judging.

        Raises:
            ModelRunError: The runtime refuses.
        """
        runner.run(self._batch(self.max_batch))

    def _ratio(self, runner: Runner, batch: int) -> float:
        """Lower quartiles: neighbours on the machine can only add time."""
        images = self._batch(batch)
        own, reference = self._seconds_in_turns((runner, self.source), images)
        return float(np.percentile(own, 25) / max(np.percentile(reference, 25), 1e-12))

    def _milliseconds(self, runner: Runner, batch: int) -> float:
        """Lower quartile, as above."""
        (own,) = self._seconds_in_turns((runner,), self._batch(batch))
        return float(np.percentile(own, 25)) * 1000

    def _seconds_in_turns(
        self, runners: Sequence[Runner], images: NDArray[Any]
    ) -> list[list[float]]:
        left = [self._runs(runner, images) for runner in runners]
        each = [math.ceil(runs / TURNS) for runs in left]
        seconds: list[list[float]] = [[] for _ in runners]
        while any(left):
            for at, runner in enumerate(runners):
                runs = min(each[at], left[at])
                seconds[at] += time_runs(runner, images, runs, self.clock)
                left[at] -= runs
        return seconds

    def _runs(self, runner: Runner, images: NDArray[Any]) -> int:
        first = float(np.median(time_runs(runner, images, WARM_UP_RUNS, self.clock)))
        return int(min(max(SECONDS / max(first, 1e-6), MIN_RUNS), MAX_RUNS))

    def _batch(self, size: int) -> NDArray[Any]:
        return np.repeat(self.image[None], size, axis=0)
