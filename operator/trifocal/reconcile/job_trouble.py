"""Why an optimization Job failed, or what it waits for: the policy for one Job and its pods.

| what is seen                                   | reason                            |
|------------------------------------------------|-----------------------------------|
| the Job wrote a typed failure                  | that failure's own                |
| Job condition Failed, DeadlineExceeded         | DeadlineExceeded                  |
| a container OOMKilled                          | OutOfMemory                       |
| pod evicted over its scratch volume            | DiskFull                          |
| anything else that ended it                    | OptimizationFailed, last words    |
| not started: missing objects, no node, no image| as `pod_trouble` says             |
"""

from trifocal.api.condition import Reason
from trifocal.api.modeldeployment import ModelDeployment
from trifocal.optimizer.contract import FailureKind, OptimizationResult
from trifocal.reconcile.children import condition, container_statuses, name_of
from trifocal.reconcile.observed import Manifest
from trifocal.reconcile.pod_trouble import (
    Events,
    death,
    first_trouble,
    last_failure,
    last_words,
    refused_pods,
)
from trifocal.reconcile.suspended_job import is_suspended
from trifocal.reconcile.trouble import Trouble, join, sentence

_OVER_ITS_LIMIT = "exceeds the"
"""In the kubelet's eviction messages about a pod's own disk, and not in those about a node that
is low on something (pkg/kubelet/eviction/eviction_manager.go)."""


def job_failure(
    md: ModelDeployment,
    job: Manifest,
    pods: tuple[Manifest, ...],
    result: OptimizationResult | None,
) -> Trouble:
    """Why a Job that has failed did; `pods` are its own, oldest first."""
    found = _typed(result) or _deadline(md, job) or _of_last_pod(md, pods) or _unknown(job)
    if result and result.failure and result.failure.kind is FailureKind.TRANSIENT:
        again = (
            f"It is tried again after some minutes, or at once if you delete Job {name_of(job)}."
        )
    else:
        again = (
            f"The failed Job is kept as record; delete Job {name_of(job)} to try the same again."
        )
    return Trouble(reason=found.reason, message=join(sentence(found.message), again))


def job_waits_for(job: Manifest, pods: tuple[Manifest, ...], events: Events) -> Trouble | None:
    """What keeps a Job's pod from running; a pod that failed and is retried is no such thing.

    Nor is it trouble to be suspended: its pods leave, and it waits for its turn.
    """
    if is_suspended(job):
        return None
    living = [pod for pod in pods if pod.get("status", {}).get("phase") == "Pending"]
    if living:
        return first_trouble(living, events)
    return None if pods else refused_pods((job,), events)


def retry_note(pods: tuple[Manifest, ...]) -> str:
    """What the last failed attempt said, while the Job tries again."""
    failed = [pod for pod in pods if pod.get("status", {}).get("phase") == "Failed"]
    if not failed:
        return ""
    pod = failed[-1]
    disrupted = condition(pod, "DisruptionTarget")
    if disrupted is not None and disrupted["status"] == "True":
        words = str(disrupted.get("message", "")).rstrip(".")
        # As the Job's podFailurePolicy has it.
        free = "the Job tries again, and none of its retries is spent."
        return f"Attempt {len(failed)} was disrupted ({words}); {free}"
    ended = _ended(pod)
    words = str(pod["status"].get("message", "")).strip().rstrip(".")
    how = death(ended) if ended else f"was ended by the kubelet ({words})"
    return f"Attempt {len(failed)} {how}; the Job tries again."


def _typed(result: OptimizationResult | None) -> Trouble | None:
    if result is None or result.failure is None:
        return None
    return Trouble(reason=result.failure.reason, message=result.failure.message)


def _deadline(md: ModelDeployment, job: Manifest) -> Trouble | None:
    failed = condition(job, "Failed")
    if failed is None or failed.get("reason") != "DeadlineExceeded":
        return None
    return Trouble(
        reason=Reason.DEADLINE_EXCEEDED,
        message="The optimization was stopped after spec.optimization.job.deadlineSeconds "
        f"({md.spec.optimization.job.deadline_seconds} s). Raise it, or try fewer precisions.",
    )


def _of_last_pod(md: ModelDeployment, pods: tuple[Manifest, ...]) -> Trouble | None:
    if not pods:
        return None
    pod = pods[-1]
    return _evicted(md, pod) or _ended_badly(md, pod)


def _evicted(md: ModelDeployment, pod: Manifest) -> Trouble | None:
    status = pod.get("status", {})
    words = str(status.get("message", ""))
    if status.get("reason") != "Evicted":
        return None
    if _OVER_ITS_LIMIT in words:
        return Trouble(
            reason=Reason.DISK_FULL,
            message="The optimization needs more disk than spec.optimization.job.scratchSize "
            f"({md.spec.optimization.job.scratch_size}); raise it. The kubelet says: "
            f"{sentence(words)}",
        )
    return Trouble(
        reason=Reason.OPTIMIZATION_FAILED,
        message=f"The kubelet evicted the optimization's pod: {sentence(words)}",
    )


def _ended_badly(md: ModelDeployment, pod: Manifest) -> Trouble | None:
    ended = _ended(pod)
    if ended is None:
        return None
    if ended.get("reason") == "OOMKilled":
        return Trouble(reason=Reason.OUT_OF_MEMORY, message=_memory_message(md))
    return Trouble(
        reason=Reason.OPTIMIZATION_FAILED,
        message=join(f"The optimization {death(ended)}.", last_words(ended)),
    )


def _memory_message(md: ModelDeployment) -> str:
    limits = md.spec.optimization.job.resources.limits
    field = "spec.optimization.job.resources.limits.memory"
    if limits is None or limits.memory is None:
        return f"The optimization used more memory than its node has; set {field}."
    return f"The optimization needs more memory than its limit of {limits.memory}; raise {field}."


def _ended(pod: Manifest) -> Manifest | None:
    failures = (last_failure(status) for status in container_statuses(pod))
    return next((ended for ended in failures if ended), None)


def _unknown(job: Manifest) -> Trouble:
    failed = condition(job, "Failed") or {}
    words = str(failed.get("message") or "its pods are gone, and their words with them")
    return Trouble(
        reason=Reason.OPTIMIZATION_FAILED, message=f"The optimization failed: {sentence(words)}"
    )
