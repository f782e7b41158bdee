"""A Job that others keep from running: who holds it, where it waits, and what to look at. Pure."""

from dataclasses import dataclass

from trifocal.cli.seen import Seen
from trifocal.reconcile.children import name_of, named, uid_of
from trifocal.reconcile.observed import Manifest
from trifocal.reconcile.suspended_job import is_suspended
from trifocal.resources.optimization_job import QUEUE_LABEL

_JOB_UID_LABEL = "kueue.x-k8s.io/job-uid"
"""On Kueue's Workload: the Job's uid (Kueue's documentation, "Troubleshooting Jobs")."""


@dataclass(frozen=True, kw_only=True)
class HeldJob:
    """The answer."""

    next: str
    """When it goes on."""
    to_do: str
    look: str
    """A command that shows more."""


def held_job(seen: Seen) -> HeldJob | None:
    """What holds the optimization's Job; None where nothing does."""
    job = named(seen.observed.jobs, str(seen.optimization.get("job")))
    if job is None or not is_suspended(job):
        return None
    namespace = seen.body["metadata"]["namespace"]
    queue = job["metadata"].get("labels", {}).get(QUEUE_LABEL)
    return _by_kueue(job, namespace, queue) if queue else _by_someone(job, namespace)


def _by_kueue(job: Manifest, namespace: str, queue: str) -> HeldJob:
    return HeldJob(
        next=f"Kueue holds Job {name_of(job)} in LocalQueue {queue}, and lets it run when the "
        "queue's quota has room",
        to_do="If it lasts, see in the Workload's condition QuotaReserved what is lacking: quota "
        f"of the ClusterQueue behind {queue}, a flavor for what the Job requests, or a LocalQueue "
        "of that name.",
        look=f"kubectl describe workloads.kueue.x-k8s.io -n {namespace} "
        f"-l {_JOB_UID_LABEL}={uid_of(job)}",
    )


def _by_someone(job: Manifest, namespace: str) -> HeldJob:
    return HeldJob(
        next=f"never by itself: somebody has suspended Job {name_of(job)}, which is in no queue",
        to_do=f"Set the Job's `spec.suspend` to false: kubectl patch job -n {namespace} "
        f'{name_of(job)} -p \'{{"spec":{{"suspend":false}}}}\'',
        look=f"kubectl get job -n {namespace} {name_of(job)} -o yaml --show-managed-fields",
    )
