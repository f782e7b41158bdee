"""Measures untrained builds, briefly: what the search orders candidates by."""

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
MAX_RUNS = 40
WARM_UP_RUNS = 2


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
        own, reference = self._milliseconds(runner, batch), self._milliseconds(self.source, batch)
        return own / max(reference, 1e-9)

    def _milliseconds(self, runner: Runner, batch: int) -> float:
        """Lower quartile: neighbours on the machine can only add time."""
        images = self._batch(batch)
        first = float(np.median(time_runs(runner, images, WARM_UP_RUNS, self.clock)))
        runs = int(min(max(SECONDS / max(first, 1e-6), MIN_RUNS), MAX_RUNS))
        return float(np.percentile(time_runs(runner, images, runs, self.clock), 25)) * 1000

    def _batch(self, size: int) -> NDArray[Any]:
        return np.repeat(self.image[None], size, axis=0)
