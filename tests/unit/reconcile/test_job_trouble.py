"""Failed optimization Jobs: each with its reason, and a sentence that says what to change."""

from typing import Any

import pytest

from tests.support import results
from tests.support.manifests import changed, minimal
from trifocal.api import manifest
from trifocal.api.condition import Reason
from trifocal.api.modeldeployment import ModelDeployment
from trifocal.reconcile.job_trouble import job_failure, job_waits_for, retry_note


def model(**limits: str) -> ModelDeployment:
    body = changed(minimal(), "spec.optimization.job.resources.limits", limits)
    body = changed(body, "spec.optimization.job.scratchSize", "2Gi")
    body = changed(body, "spec.optimization.job.deadlineSeconds", 600)
    body["metadata"]["uid"] = "uid"
    return manifest.parse(body)


def job(reason: str = "BackoffLimitExceeded", message: str = "Job has reached its limit") -> Any:
    failed = {"type": "Failed", "status": "True", "reason": reason, "message": message}
    return {"metadata": {"name": "digits-opt-1", "uid": "j"}, "status": {"conditions": [failed]}}


def pod(**status: Any) -> Any:
    return {"metadata": {"name": "p", "uid": "p"}, "status": {"phase": "Failed", **status}}


def ended(**terminated: Any) -> Any:
    return pod(containerStatuses=[{"name": "optimizer", "state": {"terminated": terminated}}])


def evicted(message: str) -> Any:
    return pod(reason="Evicted", message=message)


FULL = 'Usage of EmptyDir volume "scratch" exceeds the limit "2Gi". '
LOW = "The node was low on resource: memory. Threshold quantity: 100Mi, available: 50Mi."


@pytest.mark.parametrize(
    ("last", "reason", "words"),
    [
        (
            ended(exitCode=137, reason="OOMKilled"),
            Reason.OUT_OF_MEMORY,
            "than its limit of 1Gi; raise spec.optimization.job.resources.limits.memory",
        ),
        (evicted(FULL), Reason.DISK_FULL, "spec.optimization.job.scratchSize (2Gi); raise it"),
        (evicted(LOW), Reason.OPTIMIZATION_FAILED, "low on resource: memory"),
        (
            ended(exitCode=139, message="core dumped"),
            Reason.OPTIMIZATION_FAILED,
            "ended with exit code 139. Its last words: core dumped.",
        ),
    ],
)
def test_how_the_last_pod_ended_is_the_reason(last: Any, reason: Reason, words: str) -> None:
    trouble = job_failure(model(memory="1Gi"), job(), (pod(), last), None)
    assert trouble.reason is reason
    assert words in trouble.message
    assert trouble.message.endswith("delete Job digits-opt-1 to try the same again.")


def test_what_the_job_itself_said_comes_first() -> None:
    trouble = job_failure(model(), job(), (ended(exitCode=42),), results.refused())
    assert trouble.reason is Reason.SOURCE_BELOW_GATE
    assert trouble.message.startswith("The source's top1 is 0.31; the gate's minimum is 0.9.")


def test_a_deadline_names_its_field_and_value() -> None:
    trouble = job_failure(model(), job("DeadlineExceeded"), (), None)
    assert trouble.reason is Reason.DEADLINE_EXCEEDED
    assert "spec.optimization.job.deadlineSeconds (600 s)" in trouble.message


def test_memory_without_a_limit_of_its_own_is_the_nodes() -> None:
    trouble = job_failure(model(), job(), (ended(exitCode=137, reason="OOMKilled"),), None)
    assert "more memory than its node has" in trouble.message


def test_a_job_whose_pods_are_gone_still_says_something() -> None:
    trouble = job_failure(model(), job(), (), None)
    assert trouble.reason is Reason.OPTIMIZATION_FAILED
    assert "Job has reached its limit." in trouble.message


def test_a_pod_that_failed_and_is_retried_is_no_trouble() -> None:
    running = {"metadata": {"name": "q", "uid": "q"}, "status": {"phase": "Running"}}
    assert job_waits_for(job(), (ended(exitCode=75), running), ()) is None
    note = retry_note((ended(exitCode=75), running))
    assert note == "Attempt 1 ended with exit code 75; the Job tries again."


def test_a_job_without_pods_says_why_there_are_none() -> None:
    event = {
        "reason": "FailedCreate",
        "message": 'serviceaccount "x" not found',
        "involvedObject": {"uid": "j"},
    }
    trouble = job_waits_for(job(), (), (event,))
    assert trouble is not None
    assert trouble.reason is Reason.SERVICE_ACCOUNT_MISSING
