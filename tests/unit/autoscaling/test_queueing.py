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


@pytest.mark.parametrize("utilisation", [0.9, 0.95])
def test_halfin_and_whitt_agree_with_erlang_c_for_many_servers(utilisation: float) -> None:
    exact = erlang_c(100, 100 * utilisation)
    beyond = exact * math.exp(-2 * 100 * (1 - utilisation) * 0.05)
    wait = wait_percentile(100, utilisation, 100 * (1 - beyond))
    assert wait == pytest.approx(0.05, abs=0.01)


@pytest.mark.parametrize("percentile", [90, 99, 99.9])
def test_the_model_of_many_servers_joins_the_exact_one(percentile: float) -> None:
    """Load that keeps the wait below a service time, per server: 65 within 2 % of 64."""

    def greatest(servers: int) -> float:
        fitting = [u / 200 for u in range(190) if wait_percentile(servers, u / 200, percentile) < 1]
        return fitting[-1]

    assert greatest(65) == pytest.approx(greatest(64), rel=0.02)


@settings(deadline=None, max_examples=40)
@given(rate=st.floats(1, 200), servers=st.integers(1, 220), percentile=st.sampled_from([90, 99.9]))
def test_one_more_server_for_the_same_load_never_waits_longer(
    rate: float, servers: int, percentile: float
) -> None:
    few = wait_percentile(servers, rate / servers, percentile)
    assert wait_percentile(servers + 1, rate / (servers + 1), percentile) <= few + 2e-4


def test_a_queue_without_servers_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1 server, not 0"):
        wait_percentile(0, 0.5, 99)


@pytest.mark.parametrize("percentile", [0, 100])
def test_impossible_percentiles_are_refused_with_the_range(percentile: int) -> None:
    with pytest.raises(ValueError, match=f"between 0 and 100, not at {percentile}"):
        wait_percentile(1, 0.5, percentile)
