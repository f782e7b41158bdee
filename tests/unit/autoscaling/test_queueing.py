"""The M/D/c wait against closed forms, published values, and an independent simulation."""

import heapq
import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trifocal.autoscaling.queueing import MAX_UTILISATION, wait_distribution, wait_percentile


def simulated_waits(servers: int, load: float, customers: int) -> list[float]:
    """First come, first served, service time 1, Poisson arrivals: sorted waits (seed 20)."""
    draw = random.Random(20)  # noqa: S311 - a simulation
    free = [0.0] * servers
    now, waits = 0.0, []
    for _ in range(customers):
        now += draw.expovariate(load)
        start = max(now, heapq.heappop(free))
        heapq.heappush(free, start + 1)
        waits.append(start - now)
    return sorted(waits[customers // 50 :])


def erlang_c(servers: int, load: float) -> float:
    """Probability of waiting in M/M/c, by Erlang B's recursion."""
    blocked = 1.0
    for busy in range(1, servers + 1):
        blocked = load * blocked / (busy + load * blocked)
    return blocked / (1 - load / servers * (1 - blocked))


@pytest.mark.parametrize("utilisation", [0.1, 0.5, 0.8, 0.95])
def test_one_server_is_free_for_the_share_of_time_that_it_is_not_busy(utilisation: float) -> None:
    assert wait_distribution(1, utilisation, 0.0) == pytest.approx(1 - utilisation, abs=1e-6)


@pytest.mark.parametrize("utilisation", [0.3, 0.7, 0.9])
def test_mean_wait_of_one_server_is_pollaczek_khinchine(utilisation: float) -> None:
    step = 0.01
    tail = [1 - wait_distribution(1, utilisation, step * i + step / 2) for i in range(8000)]
    assert step * sum(tail) == pytest.approx(utilisation / 2 / (1 - utilisation), rel=1e-3)


def test_distribution_within_the_first_service_time_is_erlangs() -> None:
    """Erlang 1909, M/D/1: P(W <= x) = (1 - rho) exp(rho x) for x below one service time."""
    for wait in (0.2, 0.5, 0.99):
        expected = 0.4 * math.exp(0.6 * wait)
        assert wait_distribution(1, 0.6, wait) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    ("servers", "load", "published"),
    [(2, 1.0, 0.3333), (3, 2.0, 0.4444), (5, 4.0, 0.5541), (10, 8.0, 0.4092)],
)
def test_fewer_wait_than_with_random_service_times(
    servers: int, load: float, published: float
) -> None:
    """Erlang C (published table values) bounds the delay probability of M/D/c from above."""
    assert erlang_c(servers, load) == pytest.approx(published, abs=5e-5)
    waiting = 1 - wait_distribution(servers, load, 0.0)
    assert 0.85 * published < waiting < published


@pytest.mark.parametrize(
    ("servers", "utilisation", "customers"),
    [(1, 0.5, 200_000), (1, 0.8, 400_000), (2, 0.7, 200_000), (4, 0.9, 400_000), (8, 0.8, 200_000)],
)
def test_percentiles_agree_with_a_simulation(
    servers: int, utilisation: float, customers: int
) -> None:
    waits = simulated_waits(servers, servers * utilisation, customers)
    for percentile in (50, 90, 95, 99):
        simulated = waits[int(len(waits) * percentile / 100)]
        exact = wait_percentile(servers, utilisation, percentile)
        assert exact == pytest.approx(simulated, rel=0.06, abs=0.02)


@settings(deadline=None)
@given(
    servers=st.integers(1, 64),
    low=st.floats(0, 1.5),
    high=st.floats(0, 1.5),
    percentile=st.sampled_from([50, 90, 95, 99]),
)
def test_more_load_never_waits_less(servers: int, low: float, high: float, percentile: int) -> None:
    low, high = sorted((low, high))
    assert wait_percentile(servers, low, percentile) <= wait_percentile(servers, high, percentile)


@settings(deadline=None)
@given(utilisation=st.floats(0, MAX_UTILISATION), servers=st.integers(1, 63))
def test_more_servers_at_the_same_utilisation_never_wait_longer(
    utilisation: float, servers: int
) -> None:
    few = wait_percentile(servers, utilisation, 99)
    assert wait_percentile(servers + 1, utilisation, 99) <= few + 2e-4


@pytest.mark.parametrize("utilisation", [0.951, 1.0, 7.0])
def test_an_overloaded_queue_waits_for_ever(utilisation: float) -> None:
    assert wait_percentile(3, utilisation, 50) == math.inf


def test_an_idle_queue_does_not_wait() -> None:
    assert wait_percentile(1, 0.0, 99) == 0.0


@pytest.mark.parametrize("servers", [0, 65])
def test_impossible_servers_are_refused_with_the_range(servers: int) -> None:
    with pytest.raises(ValueError, match=f"1 to 64 servers, not {servers}"):
        wait_percentile(servers, 0.5, 99)


@pytest.mark.parametrize("percentile", [0, 100])
def test_impossible_percentiles_are_refused_with_the_range(percentile: int) -> None:
    with pytest.raises(ValueError, match=f"between 0 and 100, not at {percentile}"):
        wait_percentile(1, 0.5, percentile)
