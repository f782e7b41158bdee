"""Step `measure`: how long the chosen model takes for a batch of each size."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trifocal.optimizer.contract import CapacityPoint
from trifocal.optimizer.latency import WARM_UP_RUNS, Clock, time_runs
from trifocal.optimizer.runtimes.backend import Runner

SECONDS_PER_BATCH_SIZE = 2.0
MIN_RUNS = 10
MAX_RUNS = 300


def batch_sizes(maximum: int) -> tuple[int, ...]:
    """Powers of two up to the maximum, and the maximum itself."""
    powers = [1 << exponent for exponent in range(maximum.bit_length())]
    return tuple(powers if powers[-1] == maximum else [*powers, maximum])


def measure_capacity(
    runner: Runner,
    image: NDArray[Any],
    sizes: Sequence[int],
    clock: Clock,
    advance: Callable[[float], None],
) -> tuple[CapacityPoint, ...]:
    """p50 and p99 for each batch size, one instance back to back."""
    points = []
    for position, size in enumerate(sizes):
        batch = np.repeat(image[None], size, axis=0)
        typical = float(np.median(time_runs(runner, batch, WARM_UP_RUNS, clock)))
        wanted = SECONDS_PER_BATCH_SIZE / max(typical, 1e-6)
        runs = int(min(max(wanted, MIN_RUNS), MAX_RUNS))
        milliseconds = np.asarray(time_runs(runner, batch, runs, clock)) * 1000
        points.append(
            CapacityPoint(
                batch=size,
                p50_milliseconds=round(float(np.percentile(milliseconds, 50)), 4),
                p99_milliseconds=round(float(np.percentile(milliseconds, 99)), 4),
            )
        )
        advance((position + 1) / len(sizes))
    return tuple(points)
