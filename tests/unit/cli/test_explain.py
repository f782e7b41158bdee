"""`trifocal explain`: exact text at width 100, for each state that a person meets."""

import json
from datetime import timedelta
from io import StringIO
from typing import Any

from rich.console import Console

from tests.support import results
from tests.support.manifests import Manifest, changed
from tests.support.world import World, world
from trifocal.cli.explain.command import as_json, render
from trifocal.cli.explain.explanation import Explanation, explain
from trifocal.cli.explain.reports import reports
from trifocal.cli.seen import Seen
from trifocal.cli.status_tree import Progress
from trifocal.optimizer.contract import OptimizationResult

MAX_SCREEN = 24
"""Lines of a terminal as it has been since the VT100."""


JOB_UID = "22222222-2222-2222-2222-222222222222"


def good(_digest: str, _body: Manifest) -> OptimizationResult:
    return results.artifact()


def bad(_digest: str, _body: Manifest) -> OptimizationResult:
    return results.refused()


def never(_digest: str, _body: Manifest) -> None:
    return None


def away(_digest: str, _body: Manifest) -> OptimizationResult:
    return results.interrupted()


def explained(w: World, *events: Manifest) -> Explanation:
    return explain(Seen(body=w.body, md=w.md, observed=w.look(), events=events), w.now)


def text(w: World, *events: Manifest) -> str:
    console = Console(width=100, file=StringIO(), color_system=None)
    console.print(render(explained(w, *events), w.now))
    printed = console.file.getvalue()  # type: ignore[attr-defined]  # it is the StringIO above
    lines = [line.rstrip() for line in printed.splitlines()]
    assert len(lines) <= MAX_SCREEN
    return "\n".join(lines)


def event(w: World, seconds: float, reason: str, message: str, **more: Any) -> Manifest:
    return {
        "involvedObject": {"kind": "Pod", "name": "digits-0"},
        "type": "Warning",
        "reason": reason,
        "message": message,
        "lastTimestamp": (w.now - timedelta(seconds=seconds)).isoformat(),
        **more,
    }


def test_before_the_operator_has_seen_it() -> None:
    assert (
        text(world(never))
        == """\
digits in namespace default is not Ready yet (Pending)
>  source        waits  Pending: The operator has not looked at generation 1 of the spec yet.
   optimization  waits
   serving       waits
   traffic       waits
   scaling       waits

next try    now: the operator looks at a new spec at once
what to do  If this lasts, see whether the operator runs.
see also    kubectl trifocal check"""
    )


def test_a_model_that_misses_its_gate_is_stalled_and_never_tried_again() -> None:
    w = world(bad)
    w.settle()
    w.now += timedelta(hours=3)
    job = w.body["status"]["optimization"]["job"]
    assert (
        text(w, event(w, 7500, "BackoffLimitExceeded", "Job has reached the limit"))
        == f"""\
digits in namespace default is stalled (SourceBelowGate) for 3h1m
   source        done     file:///models/digits.onnx (sha256:aaaaaaaaaaaa)
>  optimization  stalled  SourceBelowGate: The source's top1 is 0.31; the gate's minimum is 0.9. The
                          failed Job is kept as record; delete Job {job} to try the
                          same again.
   serving       waits    WaitingForArtifact: Pods start when the optimization is done.
   traffic       waits    WaitingForArtifact: There is no artifact to verify yet.
   scaling       off      NoObjective: spec.replicas asks for 1.

last events
  2h5m ago  Pod digits-0, BackoffLimitExceeded: Job has reached the limit.

next try    never by itself: the same spec would fail in the same way
what to do  The trained model itself misses `gate.accuracy.minimum`, or the data or `preprocessing`
            are wrong.
see also    kubectl logs -n default job/{job}"""
    )


def test_a_server_that_is_away_is_the_sources_trouble_and_asked_again_in_five_minutes() -> None:
    w = world(away)
    while not w.body.get("status") or explained(w).progress is not Progress.STALLED:
        w.reconcile()
        w.tick()
    failed_at = w.now - timedelta(seconds=5)  # The pass that told came before the last tick.
    found = explained(w)
    assert (found.cause, found.reason) == ("source", "SourceUnreachable")
    assert found.next_try is not None
    assert found.next_try.at == failed_at + timedelta(minutes=5)
    assert found.next_try.says == "in 4m55s: the optimization Job is made again"
    assert [step.state for step in found.steps][:2] == ["stalled", "waits"]


def held(queue: str | None) -> World:
    """As Kueue's webhook, or a person, has the Job suspended."""
    w = world(never)
    w.body = changed(w.body, "spec.optimization.job.queue", queue)
    w.reconcile()
    (job,) = (o for (kind, _), o in w.objects.items() if kind == "Job")
    job["spec"]["suspend"] = True
    job["metadata"]["uid"] = JOB_UID
    w.settle()
    return w


def test_a_job_that_kueue_holds_is_under_way_and_its_workload_is_named() -> None:
    w = held("gpus")
    job = w.body["status"]["optimization"]["job"]
    assert (
        text(w).partition("\n\n")[2]
        == f"""\
next try    Kueue holds Job {job} in LocalQueue gpus, and lets it run when the
            queue's quota has room
what to do  If it lasts, see in the Workload's condition QuotaReserved what is lacking: quota of the
            ClusterQueue behind gpus, a flavor for what the Job requests, or a LocalQueue of that
            name.
see also    kubectl describe workloads.kueue.x-k8s.io -n default -l
            kueue.x-k8s.io/job-uid={JOB_UID}"""
    )
    assert explained(w).progress is Progress.WAITING
    assert explained(w).cause == "optimization"


def test_a_job_that_somebody_suspended_goes_on_when_it_is_resumed() -> None:
    w = held(None)
    job = w.body["status"]["optimization"]["job"]
    found = explained(w)
    assert found.next_try is not None
    assert found.next_try.says == (
        f"never by itself: somebody has suspended Job {job}, which is in no queue"
    )
    assert found.to_do is not None
    assert f"kubectl patch job -n default {job} -p" in found.to_do
    assert found.look == f"kubectl get job -n default {job} -o yaml --show-managed-fields"


def test_a_job_that_runs_is_held_by_nobody() -> None:
    w = held("gpus")
    (job,) = (o for (kind, _), o in w.objects.items() if kind == "Job")
    job["spec"]["suspend"] = False
    w.settle()
    found = explained(w)
    assert found.to_do is None
    assert found.look is not None
    assert found.look.startswith("kubectl logs")


def test_a_pod_that_crashes_is_servings_trouble_and_its_log_is_named() -> None:
    w = world(good, behaviour=lambda _spec: "crash")
    w.settle()
    found = explained(w)
    assert (found.cause, found.reason, found.progress) == ("serving", "Crashing", Progress.WAITING)
    assert [step.state for step in found.steps] == ["done", "done", "in trouble", "waits", "off"]
    [pod] = [o for (kind, _), o in w.objects.items() if kind == "Pod" and _serves(o)]
    name = pod["metadata"]["name"]
    assert found.look == f"kubectl logs -n default {name} -c triton --previous"
    assert found.next_try is not None
    assert found.next_try.says == "the kubelet tries again by itself, at least every 5m"


def _serves(pod: Manifest) -> bool:
    return bool(pod["metadata"]["labels"]["app.kubernetes.io/component"] == "serving")


def test_a_missing_gpu_is_servings_trouble_and_the_schedulers_to_try_again() -> None:
    w = world(good, gpus=0)
    w.body = changed(w.body, "spec.serving.accelerator", {"resource": "nvidia.com/gpu"})
    w.settle()
    found = explained(w)
    assert (found.cause, found.reason) == ("serving", "Unschedulable")
    assert found.next_try is not None
    assert "scheduler" in found.next_try.says
    assert found.look is not None
    assert found.look.startswith("kubectl describe pod -n default digits-")


def test_what_is_under_way_needs_nobody() -> None:
    w = world(never)
    w.settle()
    job = w.objects["Job", w.body["status"]["optimization"]["job"]]
    job["status"]["startTime"] = (w.now - timedelta(minutes=10)).isoformat()
    found = explained(w)
    assert (found.cause, found.progress) == ("optimization", Progress.WAITING)
    assert found.to_do is None
    assert found.next_try is not None  # The default deadline is an hour.
    assert found.next_try.says == "work is under way; the Job has 50m left"
    assert found.next_try.at == w.now + timedelta(minutes=50)


def test_suspended_on_its_way_waits_for_the_user() -> None:
    w = world(never)
    w.settle()
    w.edit(lambda body: changed(body, "spec.suspend", value=True))
    w.reconcile()
    found = explained(w)
    assert (found.progress, found.reason) == (Progress.STALLED, "Suspended")
    assert found.next_try is not None
    assert found.next_try.says == "never by itself: it is suspended"
    assert found.to_do == "Set `spec.suspend` to false."


def test_a_ready_object_has_no_cause_and_nothing_to_do() -> None:
    w = world(good)
    w.settle()
    found = explained(w)
    assert found.progress is Progress.READY
    assert (found.cause, found.next_try, found.to_do, found.look) == (None, None, None, None)
    assert [step.state for step in found.steps] == ["done", "done", "done", "done", "off"]
    assert text(w).startswith("digits in namespace default is Ready for ")


def test_a_slow_model_is_ready_and_its_scaling_is_in_trouble() -> None:
    w = world(good)
    w.settle()
    scaling = {"maxReplicas": 1, "objective": {"latency": {"maxMilliseconds": 5}}}
    w.body = changed(w.body, "spec.scaling", scaling)
    missed = {"status": "False", "reason": "MissingObjective", "message": "p99 is 9 ms."}
    conditions = [
        {**c, **missed} if c["type"] == "ObjectiveMet" else c
        for c in w.body["status"]["conditions"]
    ]
    w.body = changed(w.body, "status.conditions", conditions)
    w.body = changed(w.body, "status.scaling", {"message": "At maxReplicas."})
    found = explained(w)
    assert found.progress is Progress.READY
    last = found.steps[-1]
    assert (last.state, last.message) == ("in trouble", "p99 is 9 ms. At maxReplicas.")


def test_the_same_event_is_told_once_with_its_count_and_only_the_last_five_are() -> None:
    w = world(bad)
    w.settle()
    pulls = [
        event(w, 30, "BackOff", "Back-off pulling image", count=4),
        event(w, 10, "BackOff", "Back-off pulling image", count=3),
    ]
    others = [event(w, 100 + n, f"R{n}", "old") for n in range(9)]
    told = reports([*pulls, *others])
    assert [r.reason for r in told][-5:] == ["R3", "R2", "R1", "R0", "BackOff"]
    assert (told[-1].count, told[-1].at) == (7, w.now - timedelta(seconds=10))
    assert len(explained(w, *pulls, *others).reports) == 5


def test_an_event_of_the_new_kind_has_its_time_in_its_series() -> None:
    w = world(bad)
    later = w.now.isoformat()
    new = event(w, 500, "Unschedulable", "x", series={"count": 12, "lastObservedTime": later})
    [told] = reports([new])
    assert (told.at, told.count) == (w.now, 12)


def test_messages_of_others_are_not_taken_for_markup() -> None:
    w = world(bad)
    w.settle()
    assert "[/red] odd" in text(w, event(w, 1, "Odd", "[/red] odd"))


def test_json_has_it_all() -> None:
    w = world(away)
    for _ in range(4):
        w.reconcile()
        w.tick()
    told = json.loads(as_json(explained(w, event(w, 1, "Odd", "x" * 1000))))
    assert told["progress"] == "stalled"
    assert told["cause"] == "source"
    assert told["next_try"]["at"].startswith("2026-01-01T12:0")
    assert len(told["reports"][0]["message"]) == 1001
    assert told["steps"][0]["reason"] == "SourceUnreachable"
