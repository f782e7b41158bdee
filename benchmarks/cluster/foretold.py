"""What the simulator foretells for arrivals that were, or will be, sent to real pods."""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from benchmarks.cluster.judging import PERCENTILE
from trifocal.autoscaling.balancing import Balancing
from trifocal.autoscaling.simulation.arrivals import Load
from trifocal.autoscaling.simulation.engine import simulate
from trifocal.autoscaling.simulation.policies.static import Static
from trifocal.autoscaling.simulation.policy import Setting

DRAWS = 100
"""Of the pod that each request is sent to by chance."""
BAND = (5, 95)
"""Percentiles of the draws: what differs by no more may be chance."""


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A figure over the draws."""

    low: float
    typical: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Foretold:
    """Latencies in seconds, and the share of requests that miss the objective."""

    p50: Figure
    p99: Figure
    late: Figure


def setting(
    execution_seconds: float,
    objective_seconds: float,
    replicas: tuple[int, int],
    balancing: Balancing,
    cold_start_seconds: float = 0.0,
) -> Setting:
    """Pods that execute one request at a time, in that time; between two numbers of them."""
    return Setting(
        fixed_seconds=execution_seconds,
        item_seconds=0.0,
        max_batch=1,
        objective_seconds=objective_seconds,
        percentile=PERCENTILE,
        cold_start_seconds=cold_start_seconds,
        min_replicas=replicas[0],
        max_replicas=replicas[1],
        balancing=balancing,
    )


def foretell(load: Load, of: Setting, seed: int) -> Foretold:
    """Plays the load on a fixed number of pods; where a pod is picked by chance, many times."""
    by_chance = of.balancing == "blind" and of.max_replicas > 1
    chance = np.random.default_rng(seed)
    plays = [_latencies(load, of)]
    if by_chance:
        others = (
            replace(load, choices=chance.random(len(load.arrivals))) for _ in range(DRAWS - 1)
        )
        plays += [_latencies(other, of) for other in others]
    return _foretold(plays, of)


def _foretold(plays: Sequence[NDArray[np.float64]], of: Setting) -> Foretold:
    return Foretold(
        p50=_figure([float(np.percentile(one, 50)) for one in plays]),
        p99=_figure([float(np.percentile(one, PERCENTILE)) for one in plays]),
        late=_figure([float(np.mean(one > of.objective_seconds)) for one in plays]),
    )


def least_request(load: Load, of: Setting, seed: int) -> Foretold:
    """As `foretell`, for a balancer that sends each request at once to the pod with the fewest.

    The simulator's shared queue lets a request wait until any pod is free. A real balancer does
    not: it has sent the request by then, and counts requests, not the time that they still take.
    """
    chance = np.random.default_rng(seed)
    plays = []
    for _ in range(DRAWS):
        choices = chance.random(len(load.arrivals)).tolist()
        plays.append(
            np.array(
                list(
                    _counted(
                        load.arrivals.tolist(), choices, of.max_replicas, of.execution_seconds(1)
                    )
                )
            )
        )
    return _foretold(plays, of)


def _counted(
    arrivals: Sequence[float], choices: Sequence[float], pods: int, seconds: float
) -> Iterator[float]:
    """Latencies, request by request; among pods with as few in work one is picked by chance."""
    ends: list[deque[float]] = [deque() for _ in range(pods)]
    for now, choice in zip(arrivals, choices, strict=True):
        for queue in ends:
            while queue and queue[0] <= now:
                queue.popleft()
        fewest = min(len(queue) for queue in ends)
        equal = [queue for queue in ends if len(queue) == fewest]
        queue = equal[int(choice * len(equal))]
        end = max(now, queue[-1] if queue else now) + seconds
        queue.append(end)
        yield end - now


def _latencies(load: Load, of: Setting) -> NDArray[np.float64]:
    return simulate(load, of, Static(of.max_replicas), of.max_replicas).latency


def _figure(values: Sequence[float]) -> Figure:
    low, typical, high = np.percentile(values, (BAND[0], 50, BAND[1]))
    return Figure(low=float(low), typical=float(typical), high=float(high))
