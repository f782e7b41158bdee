"""A model without pods: what its conditions say, and how it rolls out, wakes and is left alone."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.support import results
from tests.support.manifests import Manifest, changed
from tests.support.world import World, world
from trifocal.api import names
from trifocal.autoscaling.decision import ScaleDecision
from trifocal.autoscaling.reason import ScaleReason
from trifocal.optimizer.contract import OptimizationResult
from trifocal.reconcile.children import instant
from trifocal.reconcile.plan import plan
from trifocal.reconcile.rollout import SWITCHED_AT_ANNOTATION

SCALING = {
    "minReplicas": 0,
    "maxReplicas": 4,
    "objective": {"latency": {"maxMilliseconds": 50}},
    "wakeUp": {"idleSeconds": 120, "prometheus": {"query": "sum(waiting)"}},
}


def good(_digest: str, _body: Manifest) -> OptimizationResult:
    return results.artifact()


def decide(w: World, replicas: int, reason: ScaleReason, **figures: Any) -> None:
    """The scaler's next word."""
    w.decision = ScaleDecision(
        replicas=replicas,
        reason=reason,
        message=f"{reason} was decided.",
        decided_at=w.now,
        **figures,
    )


def at_zero(serving: Manifest | None = None, **rest: Any) -> World:
    """It has served and was left without pods."""
    w = world(good, **rest)
    w.edit(lambda b: changed(b, "spec.serving", serving or {}))
    w.edit(lambda b: changed(b, "spec.scaling", SCALING))
    w.settle()
    decide(w, 0, ScaleReason.SCALED_TO_ZERO, cold_start_seconds=38.0)
    w.now += timedelta(seconds=120)
    w.settle()
    return w


def condition(w: World, kind: str) -> tuple[str, str, str]:
    found = next(c for c in w.body["status"]["conditions"] if c["type"] == kind)
    return found["status"], found["reason"], found["message"]


def replicas(w: World, revision: str) -> int:
    found = w.objects["Deployment", names.revision("digits", revision)]
    return int(found["spec"]["replicas"])


def test_it_starts_with_a_pod_that_proves_itself_although_it_may_have_none() -> None:
    w = world(good)
    w.edit(lambda b: changed(b, "spec.scaling", SCALING))
    w.settle()
    assert len(w.ready(w.selected())) == 1
    assert condition(w, "Ready")[:2] == ("True", "Ready")


def test_without_pods_it_is_well_and_says_what_wakes_it_and_how_long_that_takes() -> None:
    w = at_zero()
    assert w.ready(w.selected()) == []
    assert condition(w, "Ready") == (
        "True",
        "ScaledToZero",
        "ScaledToZero was decided. A pod took 38 s to start.",
    )
    assert condition(w, "ObjectiveMet")[:2] == ("Unknown", "NoTraffic")
    kinds = {c["type"] for c in w.body["status"]["conditions"]}
    assert not kinds & {"Reconciling", "Stalled"}
    assert w.body["status"]["scaling"]["changes"][0]["reason"] == "ScaledToZero"


def test_an_operator_that_starts_anew_leaves_it_as_it_is() -> None:
    w = at_zero()
    before, writes = w.body["status"], w.writes
    w.smoke = w.decision = None
    w.settle()
    assert (w.body["status"], w.writes) == (before, writes)
    # The first pass of the new scaler says the same, in its own words.
    decide(w, 0, ScaleReason.SCALED_TO_ZERO, cold_start_seconds=38.0)
    assert w.decision is not None
    w.decision = replace(w.decision, message="No pod runs.")
    w.settle()
    assert w.writes == writes


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        (ScaleReason.WAKE_UP_UNKNOWN, ("Unknown", "WakeUpUnknown")),
        (ScaleReason.BUDGET_LIMITED, ("False", "BudgetLimited")),
    ],
)
def test_without_pods_it_is_not_well_where_work_may_wait(
    reason: ScaleReason, expected: tuple[str, str]
) -> None:
    w = at_zero()
    decide(w, 0, reason)
    w.settle()
    assert condition(w, "Ready") == (*expected, f"{reason} was decided.")


def test_waking_is_neither_ready_nor_in_trouble_until_the_pod_is_ready() -> None:
    w = at_zero()
    w.behaviour = lambda _spec: "slow"
    decide(w, 1, ScaleReason.WAKING)
    w.settle()
    assert condition(w, "Ready")[:2] == ("Unknown", "Waking")
    w.behaviour = lambda _spec: "good"
    w.settle()
    assert condition(w, "Ready")[:2] == ("True", "Ready")


def test_a_pod_that_finds_no_place_says_so_and_is_waited_for() -> None:
    w = at_zero({"accelerator": {"resource": "nvidia.com/gpu"}}, gpus=1)
    w.gpus = 0  # the node has gone meanwhile
    decide(w, 1, ScaleReason.WAKING)
    w.settle()
    assert condition(w, "Ready")[:2] == ("False", "Unschedulable")


def test_a_new_revision_proves_itself_with_one_pod_and_the_old_one_gets_none() -> None:
    w = at_zero()
    before = w.selected()
    w.edit(lambda b: changed(b, "spec.serving.instances", 2))
    most = 0
    while w.selected() == before:
        w.reconcile()
        w.tick()
        most = max(most, replicas(w, before))
    assert most == 0
    assert len(w.ready(w.selected())) == 1


def test_a_revision_that_has_just_got_the_traffic_keeps_its_pod_for_the_idle_time() -> None:
    w = at_zero()
    before = w.selected()
    w.edit(lambda b: changed(b, "spec.serving.instances", 2))
    while w.selected() == before:
        w.reconcile()
        w.tick()
    switched, after = w.now, w.selected()
    w.reconcile()
    assert w.body["status"]["scaling"]["reason"] == "JustRolledOut"
    while replicas(w, after):
        w.reconcile()
        w.tick()
    assert timedelta(seconds=110) <= w.now - switched <= timedelta(seconds=130)
    assert w.moves[-1] == (before, after)
    w.settle()
    assert condition(w, "Ready")[:2] == ("True", "ScaledToZero")


def test_a_revision_that_answers_differently_leaves_the_old_one_to_wake() -> None:
    w = at_zero()
    before = w.selected()
    w.behaviour = lambda _spec: "differs"
    w.edit(lambda b: changed(b, "spec.serving.instances", 2))
    w.settle()
    wanted = w.body["status"]["revision"]["wanted"]
    assert (w.selected(), replicas(w, wanted)) == (before, 0)
    assert condition(w, "Ready")[:2] == ("False", "AnswersDiffer")
    w.behaviour = lambda _spec: "good"
    decide(w, 1, ScaleReason.WAKING)
    w.settle()
    assert len(w.ready(before)) == 1


def test_a_crash_before_the_traffic_moves_repeats_the_proof_and_loses_nothing() -> None:
    w = at_zero()
    before = w.selected()
    w.edit(lambda b: changed(b, "spec.serving.instances", 2))
    while not any(w.ready(r) for r in w.proved - {before}):
        w.reconcile(crash_before_write=1)
        w.tick()
    w.settle()
    assert w.selected() != before


def test_a_pod_that_stays_for_a_rollout_is_looked_at_again_when_its_time_is_up() -> None:
    w = world(good)
    w.edit(lambda b: changed(b, "spec.scaling", SCALING))
    w.edit(lambda b: changed(b, "spec.scaling.wakeUp.idleSeconds", 3600))
    w.settle()
    switched = instant(
        w.objects["Service", "digits"]["metadata"]["annotations"][SWITCHED_AT_ANNOTATION]
    )
    decide(w, 0, ScaleReason.SCALED_TO_ZERO)
    w.settle()
    w.now = switched + timedelta(seconds=3580)
    assert plan(w.md, w.look(), w.settings, w.now).look_again == timedelta(seconds=20)


def test_while_the_scaler_says_nothing_new_nothing_is_looked_at_again() -> None:
    w = at_zero()
    assert plan(w.md, w.look(), w.settings, w.now).look_again is None


def test_numbers_that_wait_for_their_turn_are_looked_at_again_within_half_a_minute() -> None:
    w = at_zero()
    decide(w, 0, ScaleReason.SCALED_TO_ZERO, cold_start_seconds=50.0)
    found = plan(w.md, w.look(), w.settings, w.now).look_again
    assert found is not None
    assert timedelta(0) < found <= timedelta(seconds=31)
