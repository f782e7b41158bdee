"""The engine against hand-worked cases and a second engine that counts ticks of one second."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from math import inf

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.autoscaling.simulation.settings import TO_ZERO
from trifocal.autoscaling.balancing import Balancing
from trifocal.autoscaling.simulation.arrivals import Load
from trifocal.autoscaling.simulation.engine import Outcome, initial_replicas, simulate
from trifocal.autoscaling.simulation.policy import Pods, Setting, Telemetry

SETTING = replace(
    TO_ZERO, fixed_seconds=10, objective_seconds=30, cold_start_seconds=30, max_replicas=10
)
BOTH = pytest.mark.parametrize("balancing", ["shared", "blind"])


@dataclass
class Script:
    """Orders a list of numbers, one each period, and the last of them from then on."""

    orders: Sequence[int]
    period_seconds: float = 15.0
    asked: list[tuple[float, Pods]] = field(default_factory=list)

    def decide(self, now: float, pods: Pods, telemetry: Telemetry) -> int:  # noqa: ARG002 - a policy's arguments
        self.asked.append((now, pods))
        return self.orders[min(len(self.asked), len(self.orders)) - 1]


def load(*arrivals: float, seconds: float = 120, choices: Sequence[float] = ()) -> Load:
    chosen = np.array(choices) if len(choices) else np.zeros(len(arrivals))
    return Load(arrivals=np.array(arrivals, dtype=float), choices=chosen, seconds=seconds)


def ends(outcome: Outcome) -> list[tuple[float, float]]:
    """When each request came, and when it was answered."""
    return sorted(
        zip(outcome.came.tolist(), (outcome.came + outcome.latency).tolist(), strict=True)
    )


@BOTH
def test_a_request_waits_for_the_one_before(balancing: Balancing) -> None:
    outcome = simulate(load(0, 4, 30), replace(SETTING, balancing=balancing), Script([1]), 1)
    assert ends(outcome) == [(0, 10), (4, 20), (30, 40)]


def test_whoever_is_free_takes_the_next_request() -> None:
    outcome = simulate(load(0, 1, 2, 3), SETTING, Script([2]), 2)
    assert ends(outcome) == [(0, 10), (1, 11), (2, 20), (3, 21)]


def test_a_blind_balancer_lets_requests_wait_beside_an_idle_pod() -> None:
    """Choices below a half are the first of two pods, the others the second."""
    outcome = simulate(
        load(0, 1, 2, 3, choices=[0.0, 0.4, 0.49, 0.5]),
        replace(SETTING, balancing="blind"),
        Script([2]),
        2,
    )
    assert ends(outcome) == [(0, 10), (1, 20), (2, 30), (3, 13)]


@BOTH
def test_a_free_pod_takes_what_waits_up_to_a_full_batch(balancing: Balancing) -> None:
    """8 + 2 b seconds: one alone until 10, then three of the four that wait until 24."""
    batching = replace(SETTING, fixed_seconds=8, item_seconds=2, max_batch=3, balancing=balancing)
    outcome = simulate(load(0, 1, 2, 3, 4), batching, Script([1]), 1)
    assert ends(outcome) == [(0, 10), (1, 24), (2, 24), (3, 24), (4, 34)]


@BOTH
def test_an_ordered_pod_serves_from_its_cold_start_on(balancing: Balancing) -> None:
    """No pod until the order at 15 s, which is ready at 45 s."""
    policy = Script([0, 1])
    outcome = simulate(load(1, 2), replace(SETTING, balancing=balancing), policy, 0)
    assert ends(outcome) == [(1, 55), (2, 65)]
    assert [pods for at, pods in policy.asked if at in {15, 30, 45}] == [
        Pods(ordered=0, ready=0),
        Pods(ordered=1, ready=0),
        Pods(ordered=1, ready=1),
    ]


def test_a_waiting_request_starts_on_a_pod_that_was_ordered_after_it_came() -> None:
    """One pod is busy until 60 s; the one ordered at 15 s takes the second request at 45 s."""
    slow = replace(SETTING, fixed_seconds=60)
    assert ends(simulate(load(0, 1), slow, Script([1, 2]), 1)) == [(0, 60), (1, 105)]


def test_with_queues_of_their_own_it_waits_for_the_pod_that_it_was_given_to() -> None:
    slow = replace(SETTING, fixed_seconds=60, balancing="blind")
    assert ends(simulate(load(0, 1), slow, Script([1, 2]), 1)) == [(0, 60), (1, 120)]


@BOTH
def test_a_lower_number_cancels_the_newest_starting_pod_first(balancing: Balancing) -> None:
    """Ready 1; ordered 2 more at 0 s and one more at 15 s; at 30 s two go."""
    setting = replace(SETTING, balancing=balancing, cold_start_seconds=40)
    outcome = simulate(load(0), setting, Script([3, 4, 2]), 1)
    assert [(pod.ordered_at, pod.ready_at, pod.removed_at) for pod in outcome.pods] == [
        (0, 0, inf),
        (0, 40, inf),
        (0, 40, 30),
        (15, 55, 30),
    ]
    assert outcome.orders == ((0, 1), (0, 3), (15, 4), (30, 2))


def test_a_drained_pod_finishes_its_execution_and_takes_no_other() -> None:
    """Two pods; at 15 s the newer, which executes from 8 s until 28 s, is drained."""
    setting = replace(SETTING, fixed_seconds=20)
    outcome = simulate(load(0, 8, 9, 10), setting, Script([2, 1]), 2)
    assert ends(outcome) == [(0, 20), (8, 28), (9, 40), (10, 60)]
    assert [(pod.left_at, pod.removed_at) for pod in outcome.pods] == [(inf, inf), (15, 28)]


def test_a_drained_pod_finishes_its_own_queue() -> None:
    """The second pod holds requests of 1, 2 and 3 s: 10 s each, so it is gone at 31 s."""
    setting = replace(SETTING, balancing="blind")
    outcome = simulate(load(1, 2, 3, 16, choices=[0.9, 0.9, 0.9, 0.9]), setting, Script([2, 1]), 2)
    assert ends(outcome) == [(1, 11), (2, 21), (3, 31), (16, 26)]
    assert outcome.pods[1].removed_at == 31


@BOTH
def test_an_idle_pod_is_gone_at_once(balancing: Balancing) -> None:
    outcome = simulate(load(0), replace(SETTING, balancing=balancing), Script([2, 2, 1]), 2)
    assert outcome.pods[1].removed_at == 30


def test_the_setting_bounds_what_is_ordered() -> None:
    bounded = replace(SETTING, min_replicas=2, max_replicas=4)
    outcome = simulate(load(0, seconds=60), bounded, Script([0, 9, -1]), 99)
    assert outcome.orders == ((0, 4), (0, 2), (15, 4), (30, 2))


def test_a_policy_is_asked_each_period_from_the_start_until_all_is_answered() -> None:
    """One pod needs until 50 s for 5 requests; the last starts at 40 s, after the trace."""
    policy = Script([1])
    simulate(load(0, 1, 2, 3, 4, seconds=20), SETTING, policy, 1)
    assert [at for at, _ in policy.asked] == [0, 15, 30]


def test_requests_that_no_policy_wants_to_serve_stay_unanswered() -> None:
    outcome = simulate(load(0, 1, seconds=60), SETTING, Script([0]), 0)
    assert len(outcome.came) == 0


def test_a_policy_without_a_period_is_refused() -> None:
    with pytest.raises(ValueError, match="every few seconds"):
        simulate(load(0), SETTING, Script([1], period_seconds=0), 1)


def test_the_first_minute_decides_with_how_many_pods_it_starts() -> None:
    """13 requests of 10 s in the first minute keep 2.2 pods busy; later ones do not count."""
    requests = load(*range(0, 52, 4), *range(60, 120))
    assert initial_replicas(requests, SETTING) == 3
    assert initial_replicas(load(90), SETTING) == 0
    assert initial_replicas(load(90), replace(SETTING, min_replicas=2)) == 2
    assert simulate(requests, SETTING, Script([3])).orders == ((0, 3),)


@dataclass
class Ticked:
    """A pod of the engine that counts ticks: nothing but integers, and no queue of events."""

    ready_at: int
    free_at: int
    queue: list[int] = field(default_factory=list)
    leaving: bool = False
    removed_at: float = inf


def tick_by_tick(
    requests: Load, setting: Setting, orders: Sequence[int], period: int, initial: int
) -> tuple[list[tuple[float, float]], list[float]]:
    """Requests with their ends, and when each pod was removed. All times are whole seconds.

    900 s are enough: 81 s at most without a pod, and then 40 executions of 18 s.
    """
    pods = [Ticked(0, 0) for _ in range(initial)]
    outside = [
        (int(at), chance) for at, chance in zip(requests.arrivals, requests.choices, strict=True)
    ]
    shared: list[int] = []
    answers: list[tuple[float, float]] = []
    for now in range(900):
        if now % period == 0:
            wanted = orders[min(now // period, len(orders) - 1)]
            alive = [pod for pod in pods if not pod.leaving]
            for pod in sorted(alive, key=lambda pod: pod.ready_at)[wanted:]:
                pod.leaving = True
                if pod.ready_at > now:
                    pod.removed_at = now
            cold = int(setting.cold_start_seconds)
            pods += [Ticked(now + cold, now + cold) for _ in range(wanted - len(alive))]
        ready = [pod for pod in pods if pod.ready_at <= now and not pod.leaving]
        while outside and outside[0][0] <= now and (ready or setting.balancing == "shared"):
            at, chance = outside.pop(0)
            line = (
                shared if setting.balancing == "shared" else ready[int(chance * len(ready))].queue
            )
            line.append(at)
        serving = ready if setting.balancing == "shared" else [p for p in pods if p.ready_at <= now]
        for pod in sorted(serving, key=lambda pod: pod.free_at):
            line = shared if setting.balancing == "shared" else pod.queue
            if pod.free_at <= now and line:
                batch, line[:] = line[: setting.max_batch], line[setting.max_batch :]
                pod.free_at = now + int(setting.execution_seconds(len(batch)))
                answers += [(at, pod.free_at) for at in batch]
        for pod in pods:
            if pod.leaving and pod.free_at <= now and not pod.queue:
                pod.removed_at = min(pod.removed_at, now)
    return sorted(answers), [pod.removed_at for pod in pods]


@settings(deadline=None, max_examples=30)
@given(
    gaps=st.lists(st.integers(0, 12), max_size=40),
    chance=st.integers(0, 1000),
    orders=st.lists(st.integers(0, 4), min_size=1, max_size=8),
    initial=st.integers(0, 3),
    cold=st.integers(0, 25),
    fixed=st.integers(1, 15),
    item=st.integers(0, 3),
    max_batch=st.integers(1, 4),
    balancing=st.sampled_from(["shared", "blind"]),
)
def test_it_agrees_with_an_engine_that_counts_ticks(  # noqa: PLR0913, PLR0917 - one for each dimension
    gaps: list[int],
    chance: int,
    orders: list[int],
    initial: int,
    cold: int,
    fixed: int,
    item: int,
    max_batch: int,
    balancing: Balancing,
) -> None:
    arrivals = np.cumsum(gaps, dtype=float)
    choices = np.random.default_rng(chance).random(len(gaps))
    requests = Load(arrivals=arrivals, choices=choices, seconds=500)
    setting = replace(
        SETTING,
        fixed_seconds=fixed,
        item_seconds=item,
        max_batch=max_batch,
        cold_start_seconds=cold,
        balancing=balancing,
    )
    orders = [*orders, 1]
    outcome = simulate(requests, setting, Script(orders, period_seconds=7), initial)
    expected, removed = tick_by_tick(requests, setting, orders, 7, initial)
    assert ends(outcome) == expected
    assert [came for came, _ in expected] == arrivals.tolist()
    assert [pod.removed_at for pod in outcome.pods] == removed
