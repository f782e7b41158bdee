"""A Job that does not run although nothing is wrong: what it waits for, and which queue it is in.

Kueue's webhook suspends a Job with a queue when it is made; Kueue resumes it when the queue's quota
has room, and suspends it again to give the room to another. Until a Job has started, Kueue may
change its node selector and tolerations. Trifocal writes to a Job only to make it, so none of this
is contested. Kubernetes starts activeDeadlineSeconds anew when a Job is resumed.
"""

from trifocal.api.condition import Reason
from trifocal.api.modeldeployment import ModelDeployment
from trifocal.reconcile.children import annotation, name_of
from trifocal.reconcile.observed import Manifest
from trifocal.reconcile.trouble import Trouble
from trifocal.resources.optimization_job import QUEUE_ANNOTATION, QUEUE_LABEL

_JOB_CONTROLLER = "kubernetes.io/job-controller"
"""spec.managedBy of a Job that the cluster's own Job controller runs, as the unset one does
(batch/v1, JobControllerName)."""


def is_suspended(job: Manifest) -> bool:
    """Whether it is to have no pods; its condition Suspended follows a moment later."""
    return job.get("spec", {}).get("suspend") is True


def waits_in_another_queue(md: ModelDeployment, job: Manifest) -> bool:
    """Whether a Job that is not at work was made for another queue than the spec names now.

    Kueue moves no Job that has quota, so it is made again. One at work goes on: the queue is not
    part of what it computes. The label does not tell, for Kueue may set one of its own choice.
    """
    idle = is_suspended(job) or is_run_elsewhere(job)
    return idle and annotation(job, QUEUE_ANNOTATION) != md.spec.optimization.job.queue


def waiting_sentence(job: Manifest) -> str:
    """What a suspended Job waits for."""
    queue = job["metadata"].get("labels", {}).get(QUEUE_LABEL)
    if queue:
        return f"Job {name_of(job)} waits in queue {queue} until Kueue admits it."
    return f"Job {name_of(job)} is suspended; it goes on when its spec.suspend is set to false."


def is_run_elsewhere(job: Manifest) -> bool:
    """Whether another controller than the cluster's own runs it, such as MultiKueue's."""
    return bool(job.get("spec", {}).get("managedBy", _JOB_CONTROLLER) != _JOB_CONTROLLER)


def run_elsewhere(job: Manifest) -> Trouble:
    """Why such a Job is not waited for: its result is read from its pod."""
    return Trouble(
        reason=Reason.OPTIMIZATION_FAILED,
        message=f"Job {name_of(job)} is left to {job['spec']['managedBy']}, which may run it in "
        "another cluster, and its result is read from a pod in this one. Name a LocalQueue in "
        "spec.optimization.job.queue that runs its Jobs here; the Job is then made again.",
    )
