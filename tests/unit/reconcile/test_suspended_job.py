"""Jobs that others suspend: Kueue, a person. They wait for their turn, and are not in trouble."""

from typing import Any

from tests.support import results
from tests.support.manifests import Manifest, changed, minimal
from tests.support.world import World, world
from tests.unit.reconcile.test_plan_optimization import condition, good, live, made, never
from trifocal.api import manifest
from trifocal.reconcile.optimizing import means_hash

LABEL = "kueue.x-k8s.io/queue-name"


def queue(name: str | None) -> Any:
    return lambda body: changed(body, "spec.optimization.job.queue", name)


def only_job(w: World) -> Manifest:
    (name,) = live(w, "Job")
    return w.objects["Job", name]


def suspended(w: World, **spec: Any) -> Manifest:
    """Make the Job as Kueue's webhook has it made."""
    w.reconcile()
    job = only_job(w)
    job["spec"] |= {"suspend": True, **spec}
    w.settle()
    return job


def queued(name: str | None = "gpus") -> World:
    w = world(good)
    w.edit(queue(name))
    return w


def test_a_job_that_waits_in_a_queue_is_no_trouble() -> None:
    w = queued()
    job = suspended(w)
    found = condition(w, "Optimized")
    assert (found["status"], found["reason"]) == ("Unknown", "Optimizing")
    name = job["metadata"]["name"]
    assert found["message"] == f"Job {name} waits in queue gpus until Kueue admits it."
    assert condition(w, "Stalled")["status"] == "absent"


def test_the_queue_may_be_the_one_that_kueue_chose() -> None:
    w = queued(None)
    job = suspended(w)
    job["metadata"]["labels"][LABEL] = "default"
    w.settle()
    assert "waits in queue default until" in condition(w, "Optimized")["message"]
    assert len(made(w, "Job")) == 1


def test_who_suspends_without_a_queue_has_to_resume() -> None:
    w = queued(None)
    suspended(w)
    message = condition(w, "Optimized")["message"]
    assert "is suspended; it goes on when its spec.suspend is set to false." in message


def test_old_events_about_its_pods_are_no_trouble_while_it_waits() -> None:
    """Kueue suspends a Job that runs to give its place away."""
    w = queued()
    w.optimizer = never
    w.reconcile()
    w.tick()
    (pod,) = (o for (kind, _), o in w.objects.items() if kind == "Pod")
    pod["status"]["phase"] = "Pending"
    only_job(w)["spec"]["suspend"] = True
    w.reconcile()
    assert condition(w, "Optimized")["reason"] == "Optimizing"


def test_once_it_is_admitted_its_result_is_taken() -> None:
    w = queued()
    job = suspended(w)
    job["spec"]["template"]["spec"]["nodeSelector"] = {"pool": "spot"}
    job["spec"]["suspend"] = False
    w.settle()  # World refuses a second apply of a Job.
    assert condition(w, "Ready")["status"] == "True"
    assert job["spec"]["template"]["spec"]["nodeSelector"] == {"pool": "spot"}


def test_a_job_that_waits_moves_to_the_queue_that_is_named_now() -> None:
    w = queued()
    first = suspended(w)
    w.edit(queue("others"))
    w.settle()
    second = only_job(w)
    assert second["metadata"]["uid"] != first["metadata"]["uid"]
    assert second["metadata"]["labels"][LABEL] == "others"


def test_work_that_has_begun_or_is_done_is_not_repeated_for_another_queue() -> None:
    w = queued()
    w.optimizer = never
    w.reconcile()
    w.tick()
    w.edit(queue("others"))
    w.settle()
    w.optimizer = good
    w.settle()
    w.edit(queue(None))
    w.settle()
    assert len(made(w, "Job")) == 1
    assert condition(w, "Ready")["status"] == "True"


def test_a_job_that_multikueue_takes_away_is_told_before_it_costs_anything() -> None:
    w = queued("everywhere")
    suspended(w, managedBy="kueue.x-k8s.io/multikueue")
    found = condition(w, "Stalled")
    assert (found["status"], found["reason"]) == ("True", "OptimizationFailed")
    assert "is left to kueue.x-k8s.io/multikueue" in found["message"]
    w.edit(queue("here"))
    w.settle()
    assert condition(w, "Ready")["status"] == "True"


def test_the_clusters_own_controller_may_be_named() -> None:
    w = queued()
    job = suspended(w, managedBy="kubernetes.io/job-controller")
    job["spec"]["suspend"] = False
    w.settle()
    assert condition(w, "Ready")["status"] == "True"


def test_a_refusal_is_not_tried_again_for_another_queue() -> None:
    w = queued()
    w.optimizer = lambda _digest, _body: results.refused()
    w.settle()
    w.edit(queue("others"))
    w.settle()
    assert len(made(w, "Job")) == 1


def test_without_a_queue_the_means_are_those_of_earlier_releases() -> None:
    """Else an upgrade would start every unfinished Job again."""
    body = minimal()
    body["metadata"]["uid"] = "uid"
    plain = means_hash(manifest.parse(body))
    assert plain == means_hash(manifest.parse(queue("gpus")(body)))
    assert plain == "20f432ee69"  # as of the release before the field
