"""Rollouts: who has the traffic, when it moves, what stays, and what happens without free GPUs."""

from datetime import timedelta
from typing import Any

import pytest

from tests.support import results
from tests.support.manifests import Manifest, changed
from tests.support.world import World, world
from trifocal.api import names
from trifocal.optimizer.contract import OptimizationResult
from trifocal.reconcile.observed import SmokeOutcome
from trifocal.reconcile.plan import plan


def good(_digest: str, _body: Manifest) -> OptimizationResult:
    return results.artifact()


def gpu_world(replicas: int, gpus: int, **rest: Any) -> World:
    w = world(good, gpus=gpus, **rest)
    w.edit(lambda b: changed(b, "spec.serving.accelerator", {"resource": "nvidia.com/gpu"}))
    w.edit(lambda b: changed(b, "spec.replicas", replicas))
    w.settle()
    return w


def next_revision(w: World, instances: int = 2) -> None:
    w.edit(lambda b: changed(b, "spec.serving.instances", instances))


def condition(w: World, kind: str) -> Manifest:
    found = (c for c in w.body["status"]["conditions"] if c["type"] == kind)
    return next(found, {"status": "absent", "reason": "", "message": ""})


def deployment(w: World, revision: str) -> Manifest:
    return w.objects["Deployment", names.revision("digits", revision)]


def wanted(w: World) -> str:
    return str(w.body["status"]["revision"]["wanted"])


def passes(w: World, times: int) -> None:
    for _ in range(times):
        w.reconcile()
        w.tick()


def test_the_service_exists_before_anything_serves_and_selects_nothing() -> None:
    w = world(good)
    w.reconcile()
    assert w.selected() == "none"


def test_traffic_comes_only_after_the_recorded_answers() -> None:
    w = world(good)
    w.settle()
    assert w.moves == [("none", wanted(w))]
    assert condition(w, "Verified")["reason"] == "AnswersMatch"


def test_what_serves_stays_until_enough_new_pods_have_proved_themselves() -> None:
    w = world(good)
    w.edit(lambda b: changed(b, "spec.replicas", 3))
    w.settle()
    before = w.selected()
    next_revision(w)
    while w.selected() == before:
        assert len(w.ready(before)) == 3
        passes(w, 1)
    assert len(w.ready(w.selected())) == 3


def test_the_old_pods_stay_for_the_drain_hold_and_then_go() -> None:
    w = world(good)
    w.settle()
    before = w.selected()
    next_revision(w)
    while w.selected() == before:
        passes(w, 1)
    switched = w.now
    while ("Deployment", names.revision("digits", before)) in w.objects:
        passes(w, 1)
    assert timedelta(seconds=30) <= w.now - switched <= timedelta(seconds=45)


def test_a_switch_by_a_clock_that_was_ahead_does_not_hold_the_old_pods() -> None:
    w = world(good)
    w.settle()
    before = w.selected()
    w.now += timedelta(hours=1)
    next_revision(w)
    while w.selected() == before:
        passes(w, 1)
    w.now -= timedelta(hours=1)
    set_right = w.now
    while ("Deployment", names.revision("digits", before)) in w.objects:
        passes(w, 1)
    assert w.now - set_right <= timedelta(seconds=45)


def test_a_revision_that_answers_differently_never_gets_traffic_and_costs_no_pods() -> None:
    w = world(good)
    w.settle()
    before = w.selected()
    w.behaviour = lambda _spec: "differs"
    next_revision(w)
    w.settle()
    assert w.selected() == before
    assert deployment(w, wanted(w))["spec"]["replicas"] == 0
    ready = condition(w, "Ready")
    assert (ready["status"], ready["reason"]) == ("False", "AnswersDiffer")
    assert "scores differ by 0.3" in ready["message"]
    assert f"Revision {before} keeps serving." in ready["message"]


def test_a_refusal_is_remembered_by_the_cluster_and_not_by_the_operator() -> None:
    w = world(good, behaviour=lambda _spec: "differs")
    w.settle()
    w.smoke = None
    made = w.reconcile()
    assert (made.apply, made.delete, made.smoke) == ((), (), None)
    assert condition(w, "Ready")["reason"] == "AnswersDiffer"


def test_deleting_a_refused_deployment_tries_it_again() -> None:
    w = world(good, behaviour=lambda _spec: "differs")
    w.settle()
    w.behaviour = lambda _spec: "good"
    w.smoke = None
    w.delete("Deployment", names.revision("digits", wanted(w)))
    w.settle()
    assert condition(w, "Ready")["status"] == "True"


def test_a_pod_that_cannot_be_asked_is_asked_again_and_refuses_nothing() -> None:
    w = world(good)
    passes(w, 4)
    revision = wanted(w)
    w.smoke = SmokeOutcome(revision=revision, passed=False, message="No route to 10.1.0.5.")
    made = plan(w.md, w.look(), w.settings, w.now)
    assert made.smoke is not None
    assert made.look_again == timedelta(seconds=5)
    assert w.selected() == "none"


def test_changing_the_spec_back_while_rolling_keeps_what_serves() -> None:
    w = world(good)
    w.settle()
    before = w.selected()
    w.behaviour = lambda _spec: "slow"
    next_revision(w)
    passes(w, 4)
    w.behaviour = lambda _spec: "good"
    next_revision(w, instances=1)
    w.settle()
    assert w.moves == [("none", before)]
    assert condition(w, "Ready")["status"] == "True"


def test_an_abandoned_candidate_goes_at_once() -> None:
    w = world(good)
    w.settle()
    w.behaviour = lambda _spec: "slow"
    next_revision(w, instances=2)
    passes(w, 2)
    abandoned = wanted(w)
    next_revision(w, instances=3)
    w.reconcile()
    assert ("Deployment", names.revision("digits", abandoned)) not in w.objects


def test_traffic_goes_back_when_the_new_revision_dies_within_the_hold() -> None:
    w = world(good)
    w.settle()
    before = w.selected()
    next_revision(w)
    while w.selected() == before:
        passes(w, 1)
    after = w.selected()
    w.behaviour = lambda _spec: "crash"
    for pod in w.ready(before):
        pod["spec"]["nodeName"] = "node-2"
    w.behaviour = lambda spec: "good" if spec.get("nodeName") == "node-2" else "crash"
    passes(w, 2)
    assert w.selected() == before
    assert wanted(w) == after
    assert condition(w, "Available")["reason"] == "Crashing"


def test_a_service_that_somebody_deletes_returns_to_the_same_revision_unasked() -> None:
    w = world(good)
    w.settle()
    serving = w.selected()
    w.delete("Service", "digits")
    w.smoke = None
    made = w.reconcile()
    assert made.smoke is None
    assert w.selected() == serving


def test_the_old_revision_is_scaled_while_the_new_one_cannot_start() -> None:
    w = world(good)
    w.settle()
    serving = w.selected()
    w.behaviour = lambda spec: "good" if spec.get("nodeName") == "node-2" else "slow"
    for pod in w.ready(serving):
        pod["spec"]["nodeName"] = "node-2"
    next_revision(w)
    passes(w, 3)
    w.edit(lambda b: changed(b, "spec.replicas", 4))
    w.reconcile()
    assert deployment(w, serving)["spec"]["replicas"] == 4


def test_scaling_to_zero_is_ready_and_has_no_pods() -> None:
    w = world(good)
    w.edit(lambda b: changed(b, "spec.replicas", 0))
    w.settle()
    assert condition(w, "Ready")["status"] == "True"
    assert condition(w, "Ready")["reason"] == "ScaledToZero"
    assert w.selected() == "none"


@pytest.mark.parametrize(("replicas", "fewest"), [(4, 2), (2, 1), (1, 0)])
def test_without_free_gpus_old_pods_give_way_one_by_one(replicas: int, fewest: int) -> None:
    w = gpu_world(replicas, gpus=replicas)
    before = w.selected()
    next_revision(w)
    counts = []
    for _ in range(60):
        passes(w, 1)
        counts.append(len(w.ready(w.selected())))
    w.settle()
    assert w.selected() == wanted(w) != before
    assert len(w.ready(w.selected())) == replicas
    assert min(counts) >= fewest


def test_what_is_given_up_is_said() -> None:
    w = gpu_world(2, gpus=2)
    w.behaviour = lambda _spec: "slow"
    next_revision(w)
    passes(w, 9)
    message = condition(w, "Available")["message"]
    assert "Insufficient nvidia.com/gpu" in message
    assert "gives up pods so that the new ones find a place" in message


def test_a_bad_revision_costs_one_pod_only_and_that_one_returns() -> None:
    w = gpu_world(3, gpus=3)
    before = w.selected()
    w.behaviour = lambda _spec: "differs"
    next_revision(w)
    fewest = 3
    for _ in range(40):
        passes(w, 1)
        asked = deployment(w, before)["spec"]["replicas"]
        fewest = min(fewest, asked)
    assert fewest == 2
    assert len(w.ready(before)) == 3


def test_a_single_replica_that_stopped_for_a_crashing_revision_returns() -> None:
    w = gpu_world(1, gpus=1)
    before = w.selected()
    w.behaviour = lambda _spec: "crash"
    next_revision(w)
    passes(w, 40)
    w.behaviour = lambda _spec: "good"
    passes(w, 6)
    assert w.selected() == before
    assert len(w.ready(before)) == 1
    assert deployment(w, wanted(w))["spec"]["replicas"] == 0


def test_a_revision_that_is_not_tried_again_by_itself_waits_for_the_user() -> None:
    w = gpu_world(1, gpus=1)
    w.behaviour = lambda _spec: "crash"
    next_revision(w)
    passes(w, 40)
    stalled = condition(w, "Stalled")
    assert (stalled["status"], stalled["reason"]) == ("True", "RevisionRefused")
    assert "Its last words: cannot load." in stalled["message"]
    assert condition(w, "Reconciling")["status"] == "absent"


def test_nothing_is_given_up_for_a_pod_that_would_not_fit_there() -> None:
    w = gpu_world(1, gpus=1)
    before = w.selected()
    device = {"resource": "nvidia.com/gpu", "count": 2}
    w.edit(lambda b: changed(b, "spec.serving.accelerator", device))
    passes(w, 30)
    assert len(w.ready(before)) == 1
    assert condition(w, "Available")["reason"] == "Unschedulable"


def test_nothing_is_given_up_for_a_pod_that_wants_another_product() -> None:
    w = gpu_world(1, gpus=1)
    before = w.selected()
    device = {"resource": "nvidia.com/gpu", "product": "NVIDIA-H200"}
    w.edit(lambda b: changed(b, "spec.serving.accelerator", device))
    passes(w, 30)
    assert len(w.ready(before)) == 1
    assert condition(w, "Available")["message"].endswith(f"Revision {before} keeps serving.")


def test_a_pod_that_has_just_crashed_proves_nothing_by_being_ready() -> None:
    w = world(good, behaviour=lambda _spec: "crash")
    passes(w, 5)
    w.behaviour = lambda _spec: "good"
    crashed = w.now
    while w.selected() == "none":
        passes(w, 1)
    assert timedelta(seconds=55) <= w.now - crashed <= timedelta(seconds=75)


def test_the_old_revision_stays_beyond_the_hold_while_the_new_one_has_no_ready_pod() -> None:
    w = world(good)
    w.settle()
    before = w.selected()
    next_revision(w)
    while w.selected() == before:
        passes(w, 1)
    w.behaviour = lambda _spec: "crash"  # the old pods crash too: nothing is worth going back to
    passes(w, 20)
    assert ("Deployment", names.revision("digits", before)) in w.objects
