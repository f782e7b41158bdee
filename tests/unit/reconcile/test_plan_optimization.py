"""The optimization's life: one Job per request, a result that is kept, a failure that waits."""

import json
from datetime import timedelta
from typing import Any

from tests.support import results
from tests.support.manifests import Manifest, changed, digest
from tests.support.world import World, world
from trifocal.api import names
from trifocal.optimizer.contract import OptimizationResult


def good(_digest: str, _body: Manifest) -> OptimizationResult:
    return results.artifact()


def bad(_digest: str, _body: Manifest) -> OptimizationResult:
    return results.refused()


def never(_digest: str, _body: Manifest) -> None:
    return None


def made(w: World, kind: str) -> list[str]:
    return [name for found, name in w.made if found == kind]


def live(w: World, kind: str) -> list[str]:
    return sorted(name for found, name in w.objects if found == kind)


def condition(w: World, kind: str) -> Manifest:
    return next(
        (c for c in w.body["status"]["conditions"] if c["type"] == kind),
        {"status": "absent", "reason": "", "message": ""},
    )


def source(letter: str) -> Any:
    return lambda body: changed(body, "spec.model.source.digest", digest(letter))


def test_the_first_pass_makes_the_request_before_the_job() -> None:
    w = world(never)
    kinds = [m["kind"] for m in w.reconcile().apply]
    assert kinds.index("ConfigMap") < kinds.index("Job")


def test_a_running_job_is_asked_how_far_it_is() -> None:
    w = world(never)
    w.reconcile()
    w.tick()
    assert w.reconcile().progress_of is not None


def test_a_finished_jobs_result_is_kept_and_outlives_the_job() -> None:
    w = world(good)
    w.settle()
    job = live(w, "Job")[0]
    w.delete("Job", job)
    w.settle()
    assert live(w, "Job") == []
    assert f"{job}-result" in live(w, "ConfigMap")
    assert condition(w, "Ready")["status"] == "True"


def test_going_back_to_an_earlier_spec_repeats_no_work() -> None:
    w = world(good)
    w.settle()
    w.edit(source("b"))
    w.settle()
    w.edit(source("a"))
    w.settle()
    assert len(made(w, "Job")) == 2  # one for each digest, none for the way back
    assert condition(w, "Ready")["status"] == "True"


def test_a_job_that_nobody_wants_any_more_is_stopped() -> None:
    w = world(never)
    w.reconcile()
    first = live(w, "Job")
    w.edit(source("b"))
    w.reconcile()
    assert live(w, "Job") != first
    assert len(live(w, "Job")) == 1


def test_moving_a_file_starts_no_second_job() -> None:
    w = world(good)
    w.settle()
    w.edit(lambda body: changed(body, "spec.model.source.uri", "file:///elsewhere.onnx"))
    w.settle()
    assert len(made(w, "Job")) == 1


def test_another_store_gets_an_artifact_of_its_own_and_the_old_one_serves_until_then() -> None:
    w = world(good)
    w.settle()
    before = w.selected()
    w.edit(lambda body: changed(body, "spec.artifacts.uri", "file:///other"))
    w.optimizer = never
    for _ in range(6):
        w.reconcile()
        w.tick()
    assert len(w.ready(before)) == 1
    assert len(made(w, "Job")) == 2
    w.optimizer = good
    w.settle()
    assert w.selected() != before
    assert condition(w, "Ready")["status"] == "True"


def test_new_credentials_for_the_store_start_no_second_job() -> None:
    w = world(good)
    w.edit(
        lambda b: changed(b, "spec.artifacts", {"uri": "s3://bucket", "secretRef": {"name": "a"}})
    )
    w.settle()
    w.edit(
        lambda b: changed(b, "spec.artifacts", {"uri": "s3://bucket", "secretRef": {"name": "b"}})
    )
    w.settle()
    assert len(made(w, "Job")) == 1


def request_of(w: World) -> Manifest:
    (name,) = (n for n in live(w, "ConfigMap") if n.endswith(live(w, "Job")[0]))
    found: Manifest = json.loads(w.objects["ConfigMap", name]["data"]["request.json"])
    return found


def test_following_a_failures_advice_is_enough_to_try_again() -> None:
    w = world(bad)
    w.settle()
    w.optimizer = good
    w.edit(lambda b: changed(b, "spec.optimization.job.resources", {"limits": {"memory": "8Gi"}}))
    w.settle()
    assert len(made(w, "Job")) == 2
    assert condition(w, "Ready")["status"] == "True"


def test_a_teacher_that_was_moved_is_fetched_from_where_it_is_now() -> None:
    teacher = "spec.optimization.distillation.teacher"
    place = {"uri": "https://example.com/teacher.onnx", "digest": digest("c")}
    w = world(bad)
    w.edit(lambda b: changed(b, teacher, place))
    w.settle()
    w.optimizer = good
    w.edit(lambda b: changed(b, f"{teacher}.uri", "https://example.com/moved.onnx"))
    w.settle()
    assert len(made(w, "Job")) == 2
    assert condition(w, "Ready")["status"] == "True"


def test_a_waiting_job_starts_again_with_the_file_where_it_is_now() -> None:
    w = world(never)
    for _ in range(3):
        w.reconcile()
        w.tick()
    w.edit(lambda b: changed(b, "spec.model.source.uri", "file:///moved.onnx"))
    for _ in range(6):
        w.reconcile()
        w.tick()
    assert len(live(w, "Job")) == 1
    assert len(made(w, "Job")) == 2
    assert request_of(w)["source"]["uri"].endswith("/moved.onnx")


def test_a_job_for_another_store_is_told_of_it() -> None:
    w = world(good)
    w.settle()
    w.optimizer = never
    w.edit(lambda b: changed(b, "spec.artifacts", {"uri": "s3://bucket/other"}))
    for _ in range(8):
        w.reconcile()
        w.tick()
    assert request_of(w)["store"]["uri"] == "s3://bucket/other"


def away(_digest: str, _body: Manifest) -> OptimizationResult:
    return results.interrupted()


def test_a_server_that_was_away_is_asked_again_after_some_minutes() -> None:
    w = world(away)
    w.settle()
    assert len(made(w, "Job")) == 1
    assert condition(w, "Ready")["reason"] == "SourceUnreachable"
    assert "tried again" in condition(w, "Ready")["message"]
    w.optimizer = good
    assert w.settle().look_again == timedelta(minutes=5)
    w.now += timedelta(minutes=5)
    w.settle()
    assert len(made(w, "Job")) == 2
    assert condition(w, "Ready")["status"] == "True"


def test_a_failure_is_never_retried_by_itself() -> None:
    w = world(bad)
    w.settle()
    assert len(made(w, "Job")) == 1
    assert condition(w, "Stalled")["reason"] == "SourceBelowGate"
    assert condition(w, "Reconciling")["status"] == "absent"


def test_a_failures_words_outlive_its_pod() -> None:
    w = world(bad)
    w.settle()
    w.kill_pod(0)
    w.settle()
    assert "top1 is 0.31" in condition(w, "Ready")["message"]


def test_deleting_the_failed_job_tries_again() -> None:
    w = world(bad)
    w.settle()
    w.optimizer = good
    w.delete("Job", live(w, "Job")[0])
    w.settle()
    assert len(made(w, "Job")) == 2
    assert condition(w, "Ready")["status"] == "True"


def test_repairing_the_spec_recovers_and_leaves_no_trace_of_the_failure() -> None:
    w = world(bad)
    w.settle()
    w.optimizer = good
    w.edit(source("b"))
    w.settle()
    assert condition(w, "Ready")["status"] == "True"
    assert condition(w, "Stalled")["status"] == "absent"
    assert len(live(w, "Job")) == 1


def test_a_failure_leaves_what_serves_alone_and_says_so() -> None:
    w = world(good)
    w.settle()
    serving = w.selected()
    w.optimizer = bad
    w.edit(source("d"))
    w.settle()
    assert w.selected() == serving
    assert len(w.ready(serving)) == 1
    assert condition(w, "Ready")["message"].endswith(f"Revision {serving} keeps serving.")


def test_a_result_that_was_lost_with_its_pod_is_computed_again_after_a_grace() -> None:
    w = world(good)
    w.reconcile()
    w.tick()
    w.tick()
    w.objects = {key: o for key, o in w.objects.items() if key[0] != "Pod"}
    for _ in range(11):  # 55 s
        w.reconcile()
        w.tick()
        assert len(made(w, "Job")) == 1
    w.settle()
    assert len(made(w, "Job")) == 2
    assert condition(w, "Ready")["status"] == "True"


def test_children_of_a_namesake_are_not_deleted() -> None:
    w = world(good)
    w.settle()
    foreign = {
        "kind": "Job",
        "metadata": {
            "name": "digits-opt-0000000000",
            "uid": "foreign",
            "annotations": {names.REQUEST_ANNOTATION: digest("9")},
            "ownerReferences": [{"uid": "another-life", "kind": "ModelDeployment"}],
        },
        "status": {"conditions": [{"type": "Complete", "status": "True"}]},
    }
    w.objects["Job", "digits-opt-0000000000"] = foreign
    assert w.reconcile().delete == ()


def test_only_so_many_old_results_are_kept() -> None:
    w = world(good)
    for letter in "0123456789abcdef":
        w.edit(source(letter))
        for _ in range(3):
            w.reconcile()
            w.tick()
        w.reconcile()
    kept = [name for name in live(w, "ConfigMap") if name.endswith("-result")]
    assert len(kept) == 11  # the wanted one and ten more


def test_suspending_starts_nothing() -> None:
    w = world(good)
    w.edit(lambda body: changed(body, "spec.suspend", value=True))
    w.settle()
    assert w.made == []
    assert condition(w, "Stalled")["reason"] == "Suspended"


def test_deleting_the_object_plans_nothing() -> None:
    w = world(good)
    w.settle()
    w.body = changed(w.body, "metadata.deletionTimestamp", "2026-01-01T00:00:00Z")
    made_plan = w.reconcile()
    assert (made_plan.apply, made_plan.delete) == ((), ())


def engine(_digest: str, _body: Manifest) -> OptimizationResult:
    return results.engine("26.07")


def with_engine(release: str) -> Any:
    spec = {
        "spec.optimization.targets": [{"runtime": "tensorrt"}],
        "spec.serving.accelerator": {"product": "NVIDIA-L4"},
        "spec.serving.triton": {"version": release},
    }

    def change(body: Manifest) -> Manifest:
        for path, value in spec.items():
            body = changed(body, path, value)
        return body

    return change


def test_an_engine_of_another_tensorrt_starts_no_pods_and_what_serves_goes_on() -> None:
    w = world(engine)
    w.settings = w.settings.model_copy(update={"optimizer_tensorrt_image": "tensorrt:1"})
    w.edit(with_engine("26.07"))
    w.settle()
    serving = w.selected()
    w.edit(with_engine("26.08"))
    w.settle()
    told = condition(w, "Stalled")
    assert told["reason"] == "EngineMismatch"
    assert "Set spec.serving.triton.version to '26.07'" in told["message"]
    assert told["message"].endswith(f"Revision {serving} keeps serving.")
    assert live(w, "Deployment") == [f"digits-{serving}"]
    assert len(w.ready(serving)) == 1


def test_an_engine_serves_once_the_release_is_its_own_again() -> None:
    w = world(engine)
    w.settings = w.settings.model_copy(update={"optimizer_tensorrt_image": "tensorrt:1"})
    w.edit(with_engine("26.08"))
    w.settle()
    assert live(w, "Deployment") == []
    w.edit(with_engine("26.07"))
    w.settle()
    assert condition(w, "Ready")["status"] == "True"
    assert len(made(w, "Job")) == 1
