"""Staffing against closed forms, an exact table, and brute force over the exact distribution."""

import math
from dataclasses import replace

import pytest

from tests.unit.autoscaling.simulation.settings import FARO
from trifocal.autoscaling.queueing import wait_distribution
from trifocal.autoscaling.simulation.staffing import Staffing, delayed, erlang_c, greatest_load


def test_one_server_is_erlangs_formula() -> None:
    """Erlang 1909, M/D/1 below one service time: P(W <= x) = (1 - rho) exp(rho x)."""
    load = greatest_load(1, 0.5, 0.9)
    assert (1 - load) * math.exp(load * 0.5) == pytest.approx(0.9, abs=1e-3)


@pytest.mark.parametrize("rate", [0.5, 3.0, 11.0, 28.0])
def test_one_pod_less_would_miss_the_objective(rate: float) -> None:
    pods = Staffing(FARO).pods(rate)
    # The objective leaves (0.72 - 0.18) / 0.18 = 3 service times to wait.
    kept = {c: rate * 0.18 < c and wait_distribution(c, rate * 0.18, 3) for c in (pods - 1, pods)}
    assert kept[pods] >= 0.99
    assert pods == 1 or kept[pods - 1] < 0.99


def test_more_load_and_a_stricter_percentile_never_need_fewer() -> None:
    usual, strict = Staffing(FARO), Staffing(FARO, 99.9)
    pods = [(usual.pods(r / 4), strict.pods(r / 4)) for r in range(200)]
    assert pods == sorted(pods)
    assert all(a <= b for a, b in pods)


def test_pods_that_share_no_queue_are_servers_each_for_itself() -> None:
    """M/D/1 within 3 service times at p99: each takes the same, so twice the load twice as many."""
    blind = Staffing(replace(FARO, balancing="blind"))
    one = greatest_load(1, 3.0, 0.99) / 0.18
    assert [blind.pods(n * one) for n in (1, 2, 20)] == [1, 2, 20]
    assert Staffing(FARO).pods(20 * one) < 20


def test_bounds_hold() -> None:
    bounded = Staffing(replace(FARO, min_replicas=3, max_replicas=5))
    assert [bounded.pods(rate) for rate in (0.0, 1.0, 1000.0)] == [3, 3, 5]
    assert Staffing(replace(FARO, min_replicas=0)).pods(0.0) == 0


def test_batches_carry_more() -> None:
    """Eight together take 0.1 + 8 x 0.01 = 0.18 s, one alone 0.11 s: 44.4 against 9.1 per s."""
    single = replace(FARO, fixed_seconds=0.1, item_seconds=0.01)
    together = replace(single, max_batch=8)
    assert Staffing(single).pods(100) >= math.ceil(100 / 9.1)
    assert math.ceil(100 / 44.4) <= Staffing(together).pods(100) <= 4


def test_a_batch_that_takes_too_long_is_none() -> None:
    """Eight together would take 0.9 s of an objective of 0.72 s; four take 0.5 s."""
    setting = replace(FARO, fixed_seconds=0.1, item_seconds=0.1, max_batch=8)
    assert Staffing(setting).pods(10) >= math.ceil(10 * 0.5 / 4)


def test_a_model_that_is_too_slow_is_said_so() -> None:
    with pytest.raises(ValueError, match="no number of pods"):
        Staffing(replace(FARO, fixed_seconds=0.8))


@pytest.mark.parametrize("wait", [0.25, 0.5, 1.0, 3.0])
@pytest.mark.parametrize("share", [0.99, 0.999])
def test_many_servers_are_approximated(wait: float, share: float) -> None:
    """Where both are to be had: what 64 servers take is the exact load within 1.2 %."""
    exact = greatest_load(64, wait, share)
    assert delayed(64, 0.988 * exact, wait) <= 1 - share <= delayed(64, 1.012 * exact, wait)


def test_the_approximation_goes_on_where_the_exact_distribution_ends() -> None:
    load = {c: greatest_load(c, 1.0, 0.99) for c in (63, 64, 65, 66)}
    assert 0.7 < load[65] - load[64] < 1.1
    assert load[66] - load[65] == pytest.approx(load[64] - load[63], abs=0.2)


def test_erlang_c_is_the_published_table() -> None:
    assert erlang_c(10, 8.0) == pytest.approx(0.4092, abs=5e-5)
    assert erlang_c(2, 1.0) == pytest.approx(1 / 3)
