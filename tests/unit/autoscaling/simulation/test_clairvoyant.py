"""The bound against exhaustive search, and the policy against the bound."""

from dataclasses import replace
from itertools import pairwise, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.autoscaling.simulation.policies.closed_form import ClosedForm
from tests.unit.autoscaling.simulation.settings import FARO
from trifocal.autoscaling.simulation.clairvoyant import (
    Clairvoyant,
    Schedule,
    schedule,
)
from trifocal.autoscaling.simulation.policy import Pods


def planned(*needs: int, slot: float = 60, cold_start: float = 35) -> Schedule:
    return Schedule(needs=needs, slot_seconds=slot, cold_start_seconds=cold_start)


def cheapest(needs: tuple[int, ...], cold_start: int) -> int:
    """Least pod-seconds over all courses of the number of ordered pods, second by second.

    A pod serves `cold_start` seconds after its order. So the pods that serve at t are the fewest
    that were ordered at any time from then on; before 0 whatever is needed had been ordered.
    """
    seconds = range(len(needs))
    costs = []
    for ordered in product(range(max(needs) + 1), repeat=len(needs)):
        serving = (min(ordered[max(t - cold_start, 0) : t + 1]) for t in seconds)
        if all(s >= need for s, need in zip(serving, needs, strict=True)):
            costs.append(sum(ordered))
    return min(costs)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(0, 2), min_size=1, max_size=6).map(tuple), st.integers(0, 4))
def test_no_course_of_orders_is_cheaper(needs: tuple[int, ...], cold_start: int) -> None:
    bound = planned(*needs, slot=1, cold_start=cold_start)
    assert bound.least_pod_seconds() == cheapest(needs, cold_start)


def right_sizing(needs: tuple[int, ...], start_cost: int) -> int:
    """Least sum of pods and starts, by dynamic programming; what is there at 0 was started before.

    The problem of Lin, Wierman, Andrew and Thereska: x_t >= needs_t, cost x_t + L (x_t - x_t-1)+.
    """
    states = range(max(needs) + 1)
    best = {x: x for x in states if x >= needs[0]}
    for need in needs[1:]:
        best = {
            x: min(cost + start_cost * max(x - before, 0) for before, cost in best.items()) + x
            for x in states
            if x >= need
        }
    return min(best.values())


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(0, 6), min_size=1, max_size=15).map(tuple), st.integers(0, 9))
def test_bound_is_the_right_sizing_optimum(needs: tuple[int, ...], cold_start: int) -> None:
    """Equal but for pods first needed sooner than a cold start after 0, which wait less."""
    padded = (0,) * cold_start + needs
    bound = planned(*padded, slot=1, cold_start=cold_start)
    assert bound.least_pod_seconds() == right_sizing(padded, cold_start)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(0, 6), min_size=1, max_size=20).map(tuple), st.integers(0, 20))
def test_schedule_costs_the_bound(needs: tuple[int, ...], cold_start: int) -> None:
    """Seconds of ordered pods: the policy is asked once a second."""
    plan = planned(*needs, slot=6, cold_start=cold_start)
    policy = Clairvoyant(plan)
    cost = sum(policy.decide(t, _any_pods(), ClosedForm()) for t in range(6 * len(needs)))
    assert cost == plan.least_pod_seconds()


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(0, 6), min_size=2, max_size=20).map(tuple), st.floats(0, 20))
def test_pods_serve_when_they_are_needed(needs: tuple[int, ...], cold_start: float) -> None:
    policy = Clairvoyant(planned(*needs, slot=6, cold_start=cold_start))
    ordered = [policy.decide(t, _any_pods(), ClosedForm()) for t in range(6 * len(needs))]
    for slot, need in enumerate(needs):
        latest = max(int(6 * slot - cold_start), 0)
        assert min(ordered[latest : 6 * slot + 6]) >= need


def _any_pods() -> Pods:
    return Pods(ordered=1, ready=1)


@pytest.mark.parametrize(
    ("needs", "pod_seconds"),
    [
        ((2, 2), 240),  # there from the beginning, so without a start
        ((1, 2, 1), 4 * 60 + 35),  # one start
        ((2, 1, 2), 5 * 60 + 35),  # a gap of 60 s costs a start of 35 s
        ((0, 0, 1), 60 + 35),
        ((0,), 0),
    ],
)
def test_cost_by_hand(needs: tuple[int, ...], pod_seconds: float) -> None:
    assert planned(*needs).least_pod_seconds() == pod_seconds


def test_a_gap_is_bridged_if_it_is_no_longer_than_the_cold_start() -> None:
    gap = planned(2, 1, 2, cold_start=60)
    assert [gap.ordered(at) for at in (0, 59, 60, 61, 119, 120)] == [2] * 6
    longer = planned(2, 1, 1, 2, cold_start=60)
    assert [longer.ordered(at) for at in (59, 60, 119, 120)] == [2, 1, 1, 2]


def test_what_serves_when_the_load_begins_is_ordered_at_zero() -> None:
    assert planned(3, 5, cold_start=60).ordered(0) == 5
    assert planned(3, 5, cold_start=35).ordered(0) == 3


def test_the_last_slot_goes_on() -> None:
    assert planned(3, 1).ordered(1e6) == 1


def test_slots_are_staffed_by_the_queueing_model() -> None:
    """S = 180 ms, objective 720 ms: 10 requests/s are 1.8 Erlang, which two pods keep busy 90 %."""
    plan = schedule([0.0, 10.0, 10.0], FARO)
    strict = schedule([0.0, 10.0, 10.0], FARO, percentile=99.9)
    assert plan.needs[0] == 1
    assert 3 <= plan.needs[1] <= strict.needs[1] <= 5
    assert all(a == b for a, b in pairwise(plan.needs[1:]))


def test_policy_follows_the_schedule_of_its_setting() -> None:
    load = [1.0, 1.0, 30.0]
    few, many = schedule(load, FARO).needs[0], schedule(load, FARO).needs[2]
    late = Clairvoyant(schedule(load, FARO))
    early = Clairvoyant(schedule(load, replace(FARO, cold_start_seconds=100)))
    for at, expected in ((84, few), (85, many)):
        assert late.decide(at, _any_pods(), ClosedForm()) == expected
    for at, expected in ((19, few), (20, many)):
        assert early.decide(at, _any_pods(), ClosedForm()) == expected
