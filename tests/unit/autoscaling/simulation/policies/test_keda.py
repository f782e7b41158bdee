"""KEDA's step between 0 and 1 replicas, by its source and documentation."""

import pytest

from tests.unit.autoscaling.simulation.policies.closed_form import ClosedForm, steady, step
from tests.unit.autoscaling.simulation.settings import FARO, TO_ZERO
from trifocal.autoscaling.simulation.policies import hpa
from trifocal.autoscaling.simulation.policies.keda import Keda
from trifocal.autoscaling.simulation.policy import Pods

SILENCE = ClosedForm()


def all_ready(count: int) -> Pods:
    return Pods(ordered=count, ready=count)


@pytest.mark.parametrize(("requests_per_second", "replicas"), [(42, 11), (70, 16), (2, 8)])
def test_from_one_on_it_is_its_hpa(requests_per_second: float, replicas: int) -> None:
    """By 3.89 requests/s each; down only after the stabilisation."""
    load = ClosedForm(arrivals=steady(requests_per_second))
    assert Keda(FARO).decide(300, all_ready(8), load) == replicas
    assert hpa.rate(FARO).decide(300, all_ready(8), load) == replicas


def test_zero_comes_after_the_cooldown_counted_from_the_last_active_poll() -> None:
    """Load until 60 s is seen by the polls up to 120 s; 300 s later is not yet past, 330 s is."""
    load = ClosedForm(arrivals=step(5, 0, since=60))
    policy, ordered, zero_at = Keda(TO_ZERO), 2, None
    for sync in range(60):
        ordered = policy.decide(15.0 * sync, all_ready(ordered), load)
        if ordered == 0 and zero_at is None:
            zero_at = 15 * sync
    assert zero_at == 450
    assert ordered == 0


def test_the_first_request_brings_one_replica_at_the_next_poll() -> None:
    """A request at 40 s is scraped by 60 s; the poll of 60 s sees only what came before 45 s."""
    load = ClosedForm(arrivals=lambda at: float(at > 40))
    policy = Keda(TO_ZERO)
    seen = [policy.decide(15.0 * sync, Pods(ordered=0, ready=0), load) for sync in range(5)]
    assert seen == [0, 0, 0, 0, 1]


def test_between_polls_zero_stays_zero() -> None:
    """The same request at 50 s misses the poll of 60 s; that of 90 s is the next."""
    load = ClosedForm(arrivals=lambda at: float(at > 50))
    policy = Keda(TO_ZERO)
    seen = [policy.decide(15.0 * sync, Pods(ordered=0, ready=0), load) for sync in range(7)]
    assert seen == [0, 0, 0, 0, 0, 0, 1]


def test_a_minimum_above_zero_is_never_left() -> None:
    policy = Keda(FARO)
    assert {policy.decide(15.0 * sync, all_ready(1), SILENCE) for sync in range(100)} == {1}
