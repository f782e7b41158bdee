"""KPA by the worked examples of knative/serving, pkg/autoscaler/scaling/autoscaler_test.go.

Those of its examples are used whose numbers do not depend on the rates, which are 10 there and
1000 up, 2 down in the released configuration that is modelled here.
"""

from dataclasses import replace

import pytest

from tests.unit.autoscaling.simulation.policies.closed_form import ClosedForm, steady, step
from tests.unit.autoscaling.simulation.settings import FARO, TO_ZERO
from trifocal.autoscaling.simulation.policies.kpa import Kpa, Observed, Panic, scale, with_delay
from trifocal.autoscaling.simulation.policy import Pods

CALM = Panic()


def all_ready(count: int) -> Pods:
    return Pods(ordered=count, ready=count)


@pytest.mark.parametrize(
    ("ready", "stable", "panic", "target", "pods"),
    [
        (1, 50, 10, 10, 5),  # TestAutoscalerStableModeIncreaseWithConcurrencyDefault
        (1, 100, 10, 10, 10),
        (8, 100, 100, 10, 10),  # TestAutoscalerStableModeDecrease
        (8, 50, 50, 10, 5),
        (1, 1, 0, 10, 1),  # TestAutoscalerStableModeNoTrafficScaleToZero
        (1, 0, 0, 10, 0),
        (5, 50, 50, 10, 5),  # AutoscalerStableModeNoChangeAlreadyScaled
        (1, 50, 100, 10, 10),  # AutoscalerPanicModeDoublePodCount
        (0, 50, 50, 10, 5),  # TestAutoscalerUseOnePodAsMinimumIfEndpointsNotFound
    ],
)
def test_pods_are_the_concurrency_by_the_target(
    ready: int, stable: float, panic: float, target: float, pods: int
) -> None:
    observed = Observed(ready=ready, stable=stable, panic=panic)
    assert scale(CALM, 0, observed, target)[1] == pods


def test_panic_begins_at_twice_the_ready_pods() -> None:
    """At target 1: 19 wanted for 10 ready is calm, 20 is panic."""
    assert scale(CALM, 5, Observed(ready=10, stable=10, panic=19), 1)[0] == CALM
    assert scale(CALM, 5, Observed(ready=10, stable=10, panic=20), 1)[0] == Panic(5, 20)


@pytest.mark.parametrize(("stable", "panic", "pods"), [(50, 30, 50), (20, 30, 30)])
def test_in_panic_the_larger_window_counts(stable: float, panic: float, pods: int) -> None:
    """AutoscalerPanicStableLargerThanPanic and ...LessThanPanic."""
    observed = Observed(ready=5, stable=stable, panic=panic)
    assert scale(Panic(-5, 5), 0, observed, 1)[1] == pods


def test_load_that_grows_sixfold_each_second_is_followed() -> None:
    """TestAutoscalerPanicModeExponentialTrackAndStabilize."""
    memory, seen = CALM, []
    for second, (ready, load) in enumerate([(1, 6), (6, 36), (36, 216), (216, 1296), (1296, 1296)]):
        observed = Observed(ready=ready, stable=load, panic=load)
        memory, desired = scale(memory, second, observed, 1)
        seen.append(desired)
    assert seen == [6, 36, 216, 1296, 1296]
    assert memory.since == 3


def test_panic_ends_a_stable_window_after_the_threshold_was_last_exceeded() -> None:
    """TestAutoscalerUnpanicAfterSlowIncrease."""
    memory, first = scale(CALM, 0, Observed(ready=10, stable=11, panic=25), 1)
    memory, second = scale(memory, 30, Observed(ready=40, stable=30, panic=41), 1)
    assert (first, second, memory.since) == (25, 41, 0)
    memory, third = scale(memory, 62, Observed(ready=55, stable=50, panic=56), 1)
    assert (third, memory) == (50, CALM)


def test_panic_goes_on_while_the_threshold_is_exceeded() -> None:
    """TestAutoscalerExtendPanicWindow."""
    memory, _ = scale(CALM, 0, Observed(ready=10, stable=11, panic=25), 1)
    memory, desired = scale(memory, 30, Observed(ready=40, stable=30, panic=80), 1)
    assert (desired, memory.since) == (80, 30)


def test_never_down_in_panic_and_by_half_after_it() -> None:
    """TestAutoscalerPanicThenUnPanicScaleDown; there a tenth may remain, here a half."""
    memory, _ = scale(CALM, 0, Observed(ready=10, stable=100, panic=1000), 10)
    idle = Observed(ready=10, stable=1, panic=1)
    memory, held = scale(memory, 30, idle, 10)
    assert held == 100
    assert scale(memory, 61, idle, 10)[1] == 5


def test_rates_limit_both_ways() -> None:
    assert scale(CALM, 0, Observed(ready=1, stable=5000, panic=5000), 1)[1] == 1000
    assert scale(CALM, 0, Observed(ready=101, stable=1, panic=1), 1)[1] == 50


def test_windows_are_of_60_and_6_seconds() -> None:
    """One in the system, and 30 from 100 s on: at 106 s panic sees 30, stable 1 + 29 / 10."""
    load = ClosedForm(concurrency=step(1, 30, since=100))
    policy = Kpa(FARO)
    assert policy.decide(100, Pods(ordered=1, ready=1), load) == 2  # 1 / 0.7
    assert policy.decide(106, Pods(ordered=2, ready=2), load) == 43  # 30 / 0.7
    calm = Kpa(FARO)
    # 40 pods make no panic of it; stable wants 3.9 / 0.7 = 5.6, but half of 40 remain.
    assert calm.decide(102, Pods(ordered=1, ready=1), ClosedForm(concurrency=steady(0.5))) == 1
    assert calm.decide(106, all_ready(40), load) == 20


def test_target_is_70_percent_of_what_a_pod_executes_together() -> None:
    load = ClosedForm(concurrency=steady(56))
    policy = Kpa(replace(FARO, max_batch=8))
    assert policy.decide(100, all_ready(9), load) == 10


def test_starts_in_panic_with_more_than_one_pod() -> None:
    """TestStartInPanicMode: what runs is kept for a stable window, one pod is not."""
    silence = ClosedForm()
    policy = Kpa(TO_ZERO)
    seen = {now: policy.decide(now, all_ready(2), silence) for now in range(0, 64, 2)}
    assert {seen[now] for now in range(0, 62, 2)} == {2}
    assert seen[62] == 1
    assert Kpa(TO_ZERO).decide(2, all_ready(1), silence) == 0


def test_from_zero_the_first_request_brings_a_pod() -> None:
    policy = Kpa(TO_ZERO)
    waiting = ClosedForm(concurrency=step(0, 1, since=99))
    assert policy.decide(98, Pods(ordered=0, ready=0), waiting) == 0
    assert policy.decide(100, Pods(ordered=0, ready=0), waiting) == 1


def test_a_delay_keeps_the_most_of_five_minutes() -> None:
    """4.8 requests want 7 pods of the one that is ready: panic.

    At 104 s the panic window still holds 2 s of them, 1.6 on average and so 3 pods; that is the
    last time over the threshold, and panic ends when more than 60 s have passed.
    """
    load = ClosedForm(concurrency=step(4.8, 0, since=100))
    delayed, plain = with_delay(TO_ZERO), Kpa(TO_ZERO)
    for policy in (delayed, plain):
        assert policy.decide(100, Pods(ordered=7, ready=1), load) == 7
    times = range(102, 480, 2)
    kept = {now: delayed.decide(now, all_ready(1), load) for now in times}
    given_up = {now: plain.decide(now, all_ready(1), load) for now in times}
    assert (given_up[164], given_up[166]) == (7, 0)
    assert (kept[462], kept[464]) == (7, 0)
