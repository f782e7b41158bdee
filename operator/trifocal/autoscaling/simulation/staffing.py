"""How many pods keep the objective at a known, steady rate of Poisson arrivals. Pure.

    c*(rate) = least c with   wait of M/D/c at the percentile  +  execution  <=  objective

Where pods share one queue (`shared`), the pods are the c servers of it. Where each request goes to
a pod by chance (`blind`), each pod is an M/D/1 queue of its own with its part of the rate.

Without batches the answer is exact, by `trifocal.autoscaling.queueing`. Batches of b are taken as
servers that need tau(b) / b for a request, which then still takes tau(b); the rest of the running
batch is neglected, and of the sizes (powers of two, and the largest) the cheapest counts. So with
batches the answer is optimistic, as fits a lower bound.
"""

import math
from bisect import bisect_left
from functools import lru_cache

from trifocal.autoscaling.queueing import EXACT_SERVERS, wait_distribution
from trifocal.autoscaling.simulation.policy import Setting

MAX_UTILISATION = 0.99
"""A queue so loaded needs thousands of service times to reach its stationary state, longer than
a rate lasts; what would be gained above is at most 1 % of the pods."""
LOAD_ERROR = 1e-3
"""Largest error of a load, in Erlang per server."""


class Staffing:
    """What the pods of one setting can carry at one percentile."""

    def __init__(self, setting: Setting, percentile: float | None = None) -> None:
        """Args: setting, and a percentile instead of the setting's, above 0 and below 100.

        Raises:
            ValueError: A request alone in an idle pod misses the objective.
        """
        if setting.execution_seconds(1) > setting.objective_seconds:
            raise ValueError(
                f"A request alone takes {setting.execution_seconds(1):g} s, more than the "
                f"objective of {setting.objective_seconds:g} s: no number of pods keeps it."
            )
        self._setting = setting
        self._share = (setting.percentile if percentile is None else percentile) / 100
        self._batches = [
            size
            for size in setting.batch_sizes
            if setting.execution_seconds(size) <= setting.objective_seconds
        ]
        self._rates = [0.0]
        """Greatest rate by number of pods with one queue, as far as it was asked for."""

    def pods(self, requests_per_second: float) -> int:
        """Least number of pods that keeps the objective, within the setting's bounds."""
        least, most = self._setting.min_replicas, self._setting.max_replicas
        if requests_per_second <= 0:
            return least
        if self._setting.balancing == "blind":
            needed = math.ceil(requests_per_second / self._greatest_rate(1) - 1e-9)
        else:
            needed = self._sharing_one_queue(requests_per_second, most)
        return min(max(needed, least), most)

    def _sharing_one_queue(self, requests_per_second: float, most: int) -> int:
        while self._rates[-1] < requests_per_second and len(self._rates) <= most:
            self._rates.append(self._greatest_rate(len(self._rates)))
        return bisect_left(self._rates, requests_per_second)

    def _greatest_rate(self, servers: int) -> float:
        """Requests per second that `servers` pods with one queue can take."""
        return max(self._greatest_rate_in_batches(servers, b) for b in self._batches)

    def _greatest_rate_in_batches(self, servers: int, batch: int) -> float:
        execution = self._setting.execution_seconds(batch)
        each = execution / batch
        wait = (self._setting.objective_seconds - execution) / each
        return greatest_load(servers, wait, self._share) / each


@lru_cache(maxsize=4096)
def greatest_load(servers: int, wait: float, share: float) -> float:
    """Most Erlang of M/D/c at which `share` of the requests wait at most `wait` service times."""
    low, high = 0.0, MAX_UTILISATION * servers
    if _within(servers, high, wait) >= share:
        return high
    while high - low > LOAD_ERROR * servers:
        middle = (low + high) / 2
        if _within(servers, middle, wait) >= share:
            low = middle
        else:
            high = middle
    return low


def _within(servers: int, load: float, wait: float) -> float:
    """Share of the requests that wait at most `wait` service times."""
    if servers <= EXACT_SERVERS:
        return wait_distribution(servers, load, wait)
    return 1 - delayed(servers, load, wait)


def delayed(servers: int, load: float, wait: float) -> float:
    """About the share that waits longer than `wait` service times in M/D/c, for many servers.

    M/M/c has C exp(-(c - a) wait), with Erlang's C; constant service times halve the waits. The
    half is the approximation of Faro's solver (EuroSys 2025), and exact for the mean in heavy
    traffic. Of what 64 servers can take it is within 1.2 %.
    """
    return erlang_c(servers, load) * math.exp(-2 * (servers - load) * wait)


def erlang_c(servers: int, load: float) -> float:
    """Probability of waiting in M/M/c, by Erlang B's recursion; `load` in Erlang."""
    blocked = 1.0
    for busy in range(1, servers + 1):
        blocked = load * blocked / (busy + load * blocked)
    return blocked / (1 - load / servers * (1 - blocked))
