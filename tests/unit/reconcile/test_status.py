"""The whole status: what its conditions say, and that saying it again changes nothing."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.support import results
from tests.support.manifests import Manifest, changed
from tests.support.world import START, World, world
from trifocal.api.condition import ConditionType
from trifocal.api.rule import Problem
from trifocal.api.size import file_size
from trifocal.api.status import ModelDeploymentStatus
from trifocal.autoscaling.decision import ScaleDecision
from trifocal.optimizer.contract import OptimizationResult, Progress
from trifocal.reconcile.observed import NAME_TAKEN, Observed, Refusal
from trifocal.reconcile.plan import plan
from trifocal.reconcile.status import invalid_status, status

TARGETS = [{"runtime": "onnxruntime"}, {"runtime": "litert"}]
OBJECTIVE = {
    "minReplicas": 1,
    "maxReplicas": 4,
    "objective": {"latency": {"percentile": 95, "maxMilliseconds": 50}},
}


def good(_digest: str, _body: Manifest) -> OptimizationResult:
    return results.artifact()


def never(_digest: str, _body: Manifest) -> None:
    return None


def report(w: World, **seen: Any) -> Any:
    observed = Observed(**{**vars(w.look()), **seen})
    made = plan(w.md, observed, w.settings, w.now)
    return status(w.md, observed, made, w.settings, w.now)


def condition(reported: Any, kind: str) -> Any:
    return next((c for c in reported["conditions"] if c["type"] == kind), None)


def decision(**numbers: Any) -> ScaleDecision:
    told = {"replicas": 1, "reason": "Steady", "message": "1 is enough.", "decided_at": START}
    return ScaleDecision(**{**told, **numbers})


def scaled(w: World) -> World:
    w.edit(lambda b: changed(b, "spec.scaling", OBJECTIVE))
    w.settle()
    return w


def test_it_is_what_the_schema_describes() -> None:
    w = world(good)
    w.settle()
    reported = w.body["status"]
    whole = ModelDeploymentStatus.model_validate(reported)
    assert whole.model_dump(mode="json", by_alias=True, exclude_none=True) == reported


def test_conditions_are_there_from_the_first_pass_on() -> None:
    w = world(never)
    w.reconcile()
    kinds = {c["type"] for c in w.body["status"]["conditions"]}
    assert kinds == {*ConditionType} - {ConditionType.STALLED}


def test_every_condition_speaks_about_this_generation() -> None:
    w = world(good)
    w.settle()
    w.edit(lambda b: changed(b, "spec.replicas", 2))
    w.reconcile()
    generations = {c["observedGeneration"] for c in w.body["status"]["conditions"]}
    assert generations == {2}
    assert w.body["status"]["observedGeneration"] == 2


def test_an_hour_without_events_writes_nothing() -> None:
    w = world(good)
    w.settle()
    before = w.writes
    w.now += timedelta(hours=1)
    w.reconcile()
    assert w.writes == before


def test_a_transition_time_stays_while_the_status_does() -> None:
    w = world(good)
    w.settle()
    since = condition(w.body["status"], "Ready")["lastTransitionTime"]
    w.edit(lambda b: changed(b, "spec.model.source.uri", "file:///elsewhere.onnx"))
    w.settle()
    assert condition(w.body["status"], "Ready")["lastTransitionTime"] == since


def test_the_chosen_candidate_and_the_losers_are_named_with_their_figures() -> None:
    w = world(good)
    w.settle()
    assert condition(w.body["status"], "Optimized")["message"] == (
        "fp16 was chosen of 2 candidates (accuracy 0.970, 3.11 ms, 2.4 MiB). "
        "int8 lost 4.2 points of top1 (limit 1.0)."
    )


def with_edge(_digest: str, _body: Manifest) -> OptimizationResult:
    return results.with_edge()


def test_models_for_devices_and_doubts_are_told() -> None:
    w = world(with_edge)
    w.edit(lambda b: changed(b, "spec.optimization.targets", TARGETS))
    w.settings = w.settings.model_copy(update={"optimizer_extended_image": "extended:1"})
    w.settle()
    assert condition(w.body["status"], "Optimized")["message"] == (
        "fp16 was chosen of 4 candidates (accuracy 0.970, 3.11 ms, 2.4 MiB). "
        "int8 was chosen for litert (99.1 % alike, 614.4 KiB). "
        "int8 lost 4.2 points of top1 (limit 1.0). "
        "Note: training and evaluation data do not declare different origins."
    )
    told = w.body["status"]["optimization"]
    assert told["candidatesOmitted"] == 1
    assert [edge["artifact"] for edge in told["edges"]] == [f"sha256:{64 * 'e'}"]
    assert w.body["status"]["summary"]["target"] == "onnxruntime/cpu+litert"


def test_what_a_job_tells_too_much_of_is_cut_and_counted() -> None:
    lost = results.artifact().candidates[1]
    many = results.artifact().model_copy(
        update={"candidates": 40 * (lost,), "notes": 20 * ("n" * 2000,)}
    )
    w = world(lambda _digest, _body: many)
    w.settle()
    told = w.body["status"]["optimization"]
    assert (len(told["candidates"]), told["candidatesOmitted"]) == (32, 8)
    assert [len(note) for note in told["notes"]] == 16 * [1024]


def test_a_job_without_an_image_is_not_made_and_the_chart_is_named() -> None:
    w = world(never)
    w.edit(lambda b: changed(b, "spec.optimization.targets", TARGETS))
    w.settle()
    assert "Job" not in {kind for kind, _ in w.made}
    told = condition(w.body["status"], "Stalled")
    assert told["reason"] == "ImageNotConfigured"
    assert told["message"] == (
        "This spec needs another optimizer image, for target litert; whoever installed Trifocal "
        "has to set optimizer.extendedImage in its chart. Or leave out what needs it."
    )


def test_once_the_image_is_set_the_job_starts() -> None:
    w = world(with_edge)
    w.edit(lambda b: changed(b, "spec.optimization.targets", TARGETS))
    w.settle()
    w.settings = w.settings.model_copy(update={"optimizer_extended_image": "extended:1"})
    w.settle()
    assert condition(w.body["status"], "Ready")["status"] == "True"


@pytest.mark.parametrize(
    ("size", "text"),
    [(481, "481 B"), (12_595, "12.3 KiB"), (2_516_582, "2.4 MiB"), (3 * 2**30, "3.0 GiB")],
)
def test_sizes_are_told_in_the_unit_that_fits(size: int, text: str) -> None:
    assert file_size(size) == text


def test_progress_is_shown_and_does_not_flicker_when_the_job_is_busy() -> None:
    w = world(never)
    w.reconcile()
    w.tick()
    shown = report(w, progress=Progress(step="quantize int8", percent=40))
    assert shown["optimization"]["step"] == "quantize int8"
    w.body = {**w.body, "status": shown}
    assert report(w)["optimization"]["progressPercent"] == 40


@pytest.mark.parametrize(
    ("kind", "name", "spoken_by"),
    [("Job", "digits-opt-0123456789", "Optimized"), ("Service", "digits", "Available")],
)
def test_a_name_that_another_object_has_is_told(kind: str, name: str, spoken_by: str) -> None:
    w = world(never)
    w.reconcile()
    words = f"{kind} {name} exists in this namespace and is not this ModelDeployment's."
    refusal = Refusal(kind=kind, name=name, reason=NAME_TAKEN, message=words)
    told = condition(report(w, refusals=(refusal,)), spoken_by)
    assert (told["status"], told["reason"], told["message"]) == ("False", "NameTaken", words)


def test_another_refusal_is_told_in_the_api_servers_words() -> None:
    w = world(never)
    w.reconcile()
    refusal = Refusal(kind="Job", name="digits-opt-1", reason="Forbidden", message="no quota")
    told = condition(report(w, refusals=(refusal,)), "Ready")
    assert told["reason"] == "PodRefused"
    assert told["message"] == "The API server refuses Job digits-opt-1 (Forbidden): no quota."


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("Secret", "SecretMissing"),
        ("PersistentVolumeClaim", "ClaimMissing"),
        ("ServiceAccount", "ServiceAccountMissing"),
    ],
)
def test_nothing_starts_before_what_it_needs_exists(kind: str, reason: str) -> None:
    w = world(never)
    missing = Observed(missing_references=((kind, "absent"),))
    made = plan(w.md, missing, w.settings, w.now)
    assert "Job" not in {m["kind"] for m in made.apply}
    assert made.look_again == timedelta(seconds=10)
    told = condition(status(w.md, missing, made, w.settings, w.now), "Stalled")
    assert told["reason"] == reason
    assert told["message"].startswith(f"{kind} absent does not exist in this namespace")


@pytest.mark.parametrize(
    ("numbers", "value", "reason"),
    [
        ({}, "Unknown", "NoMetrics"),
        ({"requests_per_second": 0.0}, "Unknown", "NoTraffic"),
        ({"requests_per_second": 9.0}, "Unknown", "NoMetrics"),
        ({"requests_per_second": 9.0, "latency_milliseconds": 50.0}, "True", "WithinObjective"),
        ({"requests_per_second": 9.0, "latency_milliseconds": 51.0}, "False", "MissingObjective"),
    ],
)
def test_the_objective(numbers: dict[str, float], value: str, reason: str) -> None:
    w = scaled(world(good))
    told = condition(report(w, decision=decision(**numbers)), "ObjectiveMet")
    assert (told["status"], told["reason"]) == (value, reason)


def test_a_missed_objective_says_by_how_much_and_leaves_ready_alone() -> None:
    w = scaled(world(good))
    slow = decision(requests_per_second=9.0, latency_milliseconds=80.0, message="Max reached.")
    reported = report(w, decision=slow)
    assert condition(reported, "ObjectiveMet")["message"] == (
        "p95 is 80 ms at 9 requests/s; the objective is 50 ms. Max reached."
    )
    assert condition(reported, "Ready")["status"] == "True"


def test_columns_of_kubectl_get() -> None:
    w = scaled(world(good))
    numbers = decision(requests_per_second=9.0, latency_milliseconds=12.34)
    assert report(w, decision=numbers)["summary"] == {
        "target": "onnxruntime/cpu",
        "replicas": "1/1",
        "p99": "12 ms (p95)",
    }


def test_a_peak_that_waits_for_pods_keeps_ready_and_says_what_it_waits_for() -> None:
    w = scaled(world(good))
    w.reconcile()
    observed = {"decision": decision(replicas=3, reason="MoreLoad")}
    reported = report(w, **observed)
    assert condition(reported, "Ready")["status"] == "True"
    assert condition(reported, "Available")["message"].startswith("1 of 3 pods")


def test_suspending_what_serves_keeps_it_ready() -> None:
    w = world(good)
    w.settle()
    w.edit(lambda b: changed(b, "spec.suspend", value=True))
    w.settle()
    assert condition(w.body["status"], "Ready")["status"] == "True"


def test_the_selector_finds_the_pods_that_have_the_traffic() -> None:
    w = world(good)
    w.settle()
    wanted = dict(part.split("=") for part in w.body["status"]["selector"].split(","))
    pods = [
        obj
        for (kind, _), obj in w.objects.items()
        if kind == "Pod" and wanted.items() <= obj["metadata"]["labels"].items()
    ]
    assert len(pods) == w.body["status"]["replicas"] == 1


def test_an_invalid_spec_is_stalled_with_all_its_problems_and_keeps_the_rest() -> None:
    w = world(good)
    w.settle()
    before = w.body["status"]
    body = changed(w.body, "metadata.generation", 7)
    problems = (Problem("spec.replicas", "-1 is below 0."), Problem("spec.model", "It is absent."))
    reported = invalid_status(body, problems, w.now)
    stalled = condition(reported, "Stalled")
    assert stalled["reason"] == "InvalidSpec"
    assert stalled["message"] == " ".join(str(problem) for problem in problems)
    assert reported["observedGeneration"] == 7
    assert reported["revision"] == before["revision"]
    assert invalid_status({**body, "status": reported}, problems, w.now) == reported


def test_a_long_message_fits_the_schema() -> None:
    w = world(never)
    w.reconcile()
    refusal = Refusal(kind="Job", name="digits-opt-1", reason="Invalid", message="x" * 9000)
    assert len(condition(report(w, refusals=(refusal,)), "Ready")["message"]) == 4096


@pytest.mark.parametrize("ticks", [0, 1, 4, 40])
def test_what_the_plan_has_found_already_changes_no_word(ticks: int) -> None:
    w = world(good)
    for _ in range(ticks):
        w.reconcile()
        w.tick()
    md, observed = w.md, w.look()
    made = plan(md, observed, w.settings, w.now)
    anew = replace(made, basis=None)
    for seen in (observed, replace(observed, results={}, pods=())):
        told = status(md, seen, made, w.settings, w.now)
        assert told == status(md, seen, anew, w.settings, w.now)
