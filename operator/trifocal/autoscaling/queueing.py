"""How long a request waits in an M/D/c queue: percentiles, as a pure function.

M/D/c: requests arrive at random (Poisson), each occupies one of `c` servers for the same time D,
and waits first come, first served. In Trifocal the servers are model instances: those of one
Triton pod behind a Service, which spreads connections over the pods blindly, and those of all
pods behind a balancer that counts outstanding requests.

Up to 64 servers nothing is approximated but the rounding of the utilisation, upwards, to a grid:
- the number of requests in the system has the stationary distribution of
  N(t + D) = max(N(t) - c, 0) + Poisson(lambda D) (Crommelin 1932);
- the waiting time follows from it by Franx, "A simple solution for the M/D/c waiting time
  distribution", Operations Research Letters 29 (2001) 221-229. All its terms are positive, so it
  is stable where the textbook sum of Erlang, with alternating signs, is not.
"""

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

MAX_UTILISATION = 0.95
"""Above this share of busy time a queue counts as overloaded.

The wait grows as 1 / (1 - utilisation): at 0.95 an error of 1 % in the measured rate moves the
99th percentile by a fifth, so a finite answer would pretend to a certainty that no measurement
has. Faro (EuroSys 2025) stops its model at the same value.
"""
UTILISATION_STEPS = 200
"""Grid of utilisations: 1/200. Rounding up overestimates the load by 0.5 percentage points at
most, and makes the answer a function of few arguments, computed once."""
EXACT_SERVERS = 64
"""The most servers of a queue that is computed exactly, which takes some 0.1 ms for each load."""
_TAIL = 13.8
"""States kept beyond two rounds of servers, times ln(1 / utilisation). The queue length falls by
a factor z for each state, the root of z = exp(utilisation (z - 1)), and ln z is above
1.5 ln(1 / utilisation) from 0.05 on: at most exp(-1.5 * 13.8) = 1e-9 is cut off."""
_NEWTON_STEPS = 10
"""Newton's method from 0 is at machine precision after 6 for 64 servers at MAX_UTILISATION."""
_QUANTILE_ERROR = 1e-4
"""Largest error of a percentile, in service times."""


def wait_percentile(servers: int, utilisation: float, percentile: float) -> float:
    """Time from arrival to the start of service that `percentile` % of the requests stay within.

    Args:
        servers: Number of parallel servers of this queue, at least 1.
        utilisation: Arrival rate times service time, divided by the servers.
        percentile: Above 0 and below 100.

    Returns:
        The wait in units of the service time; infinity above MAX_UTILISATION.
    """
    if servers < 1:
        raise ValueError(f"A queue has at least 1 server, not {servers}.")
    if not 0 < percentile < 100:  # noqa: PLR2004 - a percentage
        raise ValueError(f"A percentile lies between 0 and 100, not at {percentile}.")
    if utilisation > MAX_UTILISATION:
        return math.inf
    step = math.ceil(utilisation * UTILISATION_STEPS - 1e-9)
    if servers > EXACT_SERVERS:
        return _wait_of_many(servers, step / UTILISATION_STEPS, percentile)
    return _wait_on_grid(servers, step, percentile)


def _wait_of_many(servers: int, utilisation: float, percentile: float) -> float:
    """The wait by Halfin and Whitt, halved."""
    waiting = _share_that_waits(servers, utilisation)
    beyond = 1 - percentile / 100
    if waiting <= beyond:
        return 0.0
    return math.log(waiting / beyond) / (2 * servers * (1 - utilisation))


def _share_that_waits(servers: int, utilisation: float) -> float:
    """1 / (1 + b Phi(b) / phi(b)) with b = (1 - utilisation) sqrt(servers)."""
    distance = (1 - utilisation) * math.sqrt(servers)
    density = math.exp(-(distance**2) / 2) / math.sqrt(2 * math.pi)
    below = (1 + math.erf(distance / math.sqrt(2))) / 2
    return density / (density + distance * below)


@lru_cache(maxsize=16384)
def _wait_on_grid(servers: int, step: int, percentile: float) -> float:
    """The wait at a utilisation of the grid, by bisection of its distribution."""
    load = servers * step / UTILISATION_STEPS
    target = percentile / 100
    if step == 0 or wait_distribution(servers, load, 0.0) >= target:
        return 0.0
    low, high = 0.0, 1.0
    while wait_distribution(servers, load, high) < target:
        low, high = high, 2 * high
    while high - low > _QUANTILE_ERROR:
        middle = (low + high) / 2
        if wait_distribution(servers, load, middle) < target:
            low = middle
        else:
            high = middle
    return high


def wait_distribution(servers: int, load: float, wait: float) -> float:
    """Share of requests that wait no longer than `wait` (in service times), by Franx (2001).

    `load` is the offered load in Erlang: arrival rate times service time, below `servers`.
    """
    rounds = math.floor(wait) + 1
    count = rounds * servers
    queue_at_most = _queue_distribution(servers, load)
    index = np.minimum(np.arange(count - 1, -1, -1), len(queue_at_most) - 1)
    return float(queue_at_most[index] @ _poisson(load * (rounds - wait), count))


@lru_cache(maxsize=4096)
def _queue_distribution(servers: int, load: float) -> NDArray[np.float64]:
    """Element k: the probability that at most k requests wait.

    The generating function of the number in the system is (Crommelin 1932), with a the load and
    z_k the roots of z^c = exp(a (z - 1)) inside the unit circle,

        P(z) = (c - a) (z - 1) prod (z - z_k) / (1 - z_k) / (z^c exp(a (1 - z)) - 1)

    and its values on the unit circle are the Fourier transform of the probabilities. No linear
    algebra: BLAS would start a thread for each core of the node.
    """
    tail = math.ceil(_TAIL / math.log(servers / load))
    points = 1 << (2 * servers + tail).bit_length()
    z = np.exp(2j * np.pi * np.arange(1, points) / points)
    values = (servers - load) * (z - 1) / (z**servers * np.exp(load * (1 - z)) - 1)
    for root in _roots(servers, load / servers):
        values *= (z - root) / (1 - root)
    probabilities = np.fft.fft(np.concatenate(([1.0], values))).real / points
    at_most: NDArray[np.float64] = np.cumsum(probabilities)[servers:]
    return at_most


def _roots(servers: int, utilisation: float) -> NDArray[np.complex128]:
    """The c - 1 roots but 1 of z = w exp(utilisation (z - 1)), for each c-th root w of one."""
    unity = np.exp(2j * np.pi * np.arange(1, servers) / servers)
    z: NDArray[np.complex128] = np.zeros_like(unity)
    for _ in range(_NEWTON_STEPS):
        power = unity * np.exp(utilisation * (z - 1))
        z = z - (z - power) / (1 - utilisation * power)
    return z


def _poisson(mean: float, count: int) -> NDArray[np.float64]:
    """Probabilities of 0 to count - 1 events."""
    if mean <= 0:
        return np.concatenate((np.ones(1), np.zeros(count - 1)))
    events = np.arange(count)
    log_factorial = np.concatenate(([0.0], np.cumsum(np.log(np.arange(1, count)))))
    probabilities: NDArray[np.float64] = np.exp(events * math.log(mean) - mean - log_factorial)
    return probabilities
