"""Measures the latency of single requests, and how sure the figures are.

Models take turns within each round, so that what else the machine does slows all of them alike.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trifocal.optimizer.runtimes.backend import Runner

PERCENTILES = (50, 90, 95, 99)
ROUNDS = 20
"""Independent looks at each model; their spread is the noise."""
SECONDS_PER_MODEL = 3.0
MIN_RUNS_PER_ROUND = 5
MAX_RUNS_PER_ROUND = 60
"""With 20 rounds 1200 runs: a p99 from the 12 slowest."""
WARM_UP_RUNS = 5
"""First runs allocate; their time says nothing about the next."""
SESSION_VARIATION = 0.05
"""Least share by which two sessions of the same file differ on one machine although each repeats
itself: memory lies elsewhere. Rounds within one process cannot see it. Six sessions of one 7 MB
classifier differed by 4 to 15 %."""
MAD_TO_SIGMA = 1.4826
"""Standard deviation of a normal distribution over its median absolute deviation."""
MEDIAN_EFFICIENCY = math.sqrt(math.pi / 2)
"""Standard error of a median over that of a mean, for a normal distribution."""
CONFIDENCE = 2.0
"""Standard errors: 95 of 100 differences that are not there stay below."""

Clock = Callable[[], float]
"""Seconds, monotonic."""


@dataclass(frozen=True, kw_only=True)
class Latency:
    """Latency of one inference in milliseconds."""

    percentiles: Mapping[int, float]
    """Over all runs, as clients would have seen them: what the gate judges."""
    round_quartiles: tuple[float, ...]
    """Each round's lower quartile."""

    @property
    def typical(self) -> float:
        """What candidates are compared by: the median over rounds of their lower quartiles.

        Neighbours on the machine can only add time, so the faster runs are the model's own.
        """
        return float(np.median(self.round_quartiles))


def noise_between(one: Latency, other: Latency) -> float:
    """Difference of typical latencies in milliseconds that says nothing about who is faster.

    From the round-by-round differences, so that slowness that hits both models cancels out. Their
    spread is taken from the median absolute deviation: one burst must not hide a real difference.
    """
    differences = np.subtract(one.round_quartiles, other.round_quartiles)
    deviation = float(np.median(np.abs(differences - np.median(differences))))
    error = MAD_TO_SIGMA * deviation * MEDIAN_EFFICIENCY / math.sqrt(len(differences))
    return max(CONFIDENCE * error, SESSION_VARIATION * min(one.typical, other.typical))


def measure_latency(
    runners: Mapping[str, Runner],
    image: NDArray[Any],
    clock: Clock,
    advance: Callable[[float], None],
    *,
    size: int = 1,
    least: int = MIN_RUNS_PER_ROUND,
) -> Mapping[str, Latency]:
    """Latency of each model for a batch of that size of one image, in turns.

    `advance` is told the share that is done. `least`: runs in each round, however slow the model
    is. With one, there are still 20 for the typical latency, and none for a 99th percentile.
    """
    batch = np.repeat(image[None], size, axis=0)
    runs = {name: _runs_per_round(runner, batch, clock, least) for name, runner in runners.items()}
    seconds: dict[str, list[list[float]]] = {name: [] for name in runners}
    names = list(runners)
    for number in range(ROUNDS):
        turn = number % max(len(names), 1)
        for name in names[turn:] + names[:turn]:
            seconds[name].append(time_runs(runners[name], batch, runs[name], clock))
        advance((number + 1) / ROUNDS)
    return {name: _summary(rounds) for name, rounds in seconds.items()}


def time_runs(runner: Runner, batch: NDArray[Any], runs: int, clock: Clock) -> list[float]:
    """Seconds of each of so many runs, back to back."""
    seconds = []
    for _ in range(runs):
        start = clock()
        runner.run(batch)
        seconds.append(clock() - start)
    return seconds


def _runs_per_round(runner: Runner, batch: NDArray[Any], clock: Clock, least: int) -> int:
    typical = float(np.median(time_runs(runner, batch, min(least, WARM_UP_RUNS), clock)))
    wanted = SECONDS_PER_MODEL / ROUNDS / max(typical, 1e-6)
    return int(min(max(wanted, least), MAX_RUNS_PER_ROUND))


def _summary(rounds: Sequence[Sequence[float]]) -> Latency:
    milliseconds = np.concatenate(rounds) * 1000
    return Latency(
        percentiles={p: float(np.percentile(milliseconds, p)) for p in PERCENTILES},
        round_quartiles=tuple(float(np.percentile(part, 25)) * 1000 for part in rounds),
    )
