"""What to do about each reason, in the words of the README's table, and where to look further."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from trifocal.api.condition import Reason
from trifocal.cli.seen import Seen
from trifocal.reconcile.children import container_statuses, is_finished, is_ready, name_of
from trifocal.reconcile.observed import Manifest
from trifocal.reconcile.pod_trouble import last_failure

_CREATE = "Create the object that the message names, in this namespace."

ADVICE: Final[Mapping[Reason, str]] = MappingProxyType(
    {
        Reason.INVALID_SPEC: ("Change the field that the message names."),
        Reason.DIGEST_MISMATCH: (
            "The file is not the one you pinned: put the right file there, or its `sha256sum` "
            "in the manifest."
        ),
        Reason.SOURCE_UNREACHABLE: (
            "Check the address and that pods of this namespace can reach it; a server that "
            "was away is asked again after some minutes."
        ),
        Reason.SOURCE_REFUSED: (
            "The file is of a kind or size that is not accepted; the message says which limit."
        ),
        Reason.CREDENTIALS_INVALID: ("Renew the keys in the Secret that the message names."),
        Reason.MODEL_INVALID: (
            "The model's file is damaged, of another format, or uses what the runtime does "
            "not know; export it again."
        ),
        Reason.INPUT_MISMATCH: (
            "Make `spec.model.inputs` and `preprocessing` those of the model; the message "
            "lists the model's own."
        ),
        Reason.LABELS_MISMATCH: (
            "Give as many `spec.model.labels` as the model has scores, in their order."
        ),
        Reason.DATASET_INVALID: (
            "Correct the archive or its `labels.csv`; the message names the line."
        ),
        Reason.ARCHIVE_REFUSED: (
            "Pack it again with plain files below one folder, without links or `..`."
        ),
        Reason.SOURCE_BELOW_GATE: (
            "The trained model itself misses `gate.accuracy.minimum`, or the data or "
            "`preprocessing` are wrong."
        ),
        Reason.IMAGE_NOT_CONFIGURED: (
            "The Job needs an optimizer image with more in it: set the chart's value that the "
            "message names, or leave out what needs it."
        ),
        Reason.SECRET_MISSING: _CREATE,
        Reason.CLAIM_MISSING: _CREATE,
        Reason.SERVICE_ACCOUNT_MISSING: _CREATE,
        Reason.OUT_OF_MEMORY: ("Raise `spec.optimization.job.resources.limits.memory`."),
        Reason.DEADLINE_EXCEEDED: (
            "Raise `spec.optimization.job.deadlineSeconds`, or give the Job more CPU."
        ),
        Reason.DISK_FULL: (
            "Raise `spec.optimization.job.scratchSize`, or free the volume that the message names."
        ),
        Reason.STORE_UNWRITABLE: (
            "Let the Job's ServiceAccount or user write to `spec.artifacts`."
        ),
        Reason.OPTIMIZATION_FAILED: (
            "Read the Job's log (`kubectl logs job/NAME-opt-...`); the message has its last words."
        ),
        Reason.UNSCHEDULABLE: (
            "No node fits: add one, lower `serving.resources`, or check the accelerator's product."
        ),
        Reason.IMAGE_PULL_FAILED: (
            "Check the Triton image's name and the pull Secret of the ServiceAccount."
        ),
        Reason.POD_REFUSED: (
            "A quota or an admission policy refuses the pods; the message has its words."
        ),
        Reason.CRASHING: ("Triton or its front ends; the message has the container's last words."),
        Reason.ARTIFACT_UNREADABLE: (
            "Serving pods cannot read `spec.artifacts`: on several nodes it has to be S3 or a "
            "ReadWriteMany volume."
        ),
        Reason.ENGINE_MISMATCH: (
            "The TensorRT engine was built for another release of Triton: set "
            "`serving.triton.version` to that one, or have the chart's "
            "`optimizer.tensorrtImage` made from the release that serves."
        ),
        Reason.ANSWERS_DIFFER: (
            "The pods compute other answers than the gate recorded: another CPU or Triton; "
            "traffic stays where it was."
        ),
        Reason.REVISION_REFUSED: (
            "The new pods failed after old ones had made room for them; the message says how. "
            "Change the spec, or delete the new Deployment to try it again."
        ),
        Reason.SMOKE_UNREACHABLE: (
            "The operator cannot reach the pods on port 8000: check NetworkPolicies between "
            "the namespaces."
        ),
        Reason.NAME_TAKEN: (
            "An object of that name belongs to something else; rename one of the two."
        ),
        Reason.SUSPENDED: ("Set `spec.suspend` to false."),
        Reason.MISSING_OBJECTIVE: (
            "The latency is above the objective at `maxReplicas`, or a single request already "
            "is: raise either."
        ),
        Reason.NO_METRICS: (
            "The operator cannot read the pods' metrics on port 8002: check NetworkPolicies."
        ),
    }
)

_POD_REASONS = frozenset(
    {
        Reason.UNSCHEDULABLE,
        Reason.IMAGE_PULL_FAILED,
        Reason.CRASHING,
        Reason.ARTIFACT_UNREADABLE,
        Reason.POD_REFUSED,
        Reason.REVISION_REFUSED,
        Reason.ANSWERS_DIFFER,
        Reason.STARTING_PODS,
        Reason.WAKING,
    }
)
"""The pods know more."""


def what_to_do(reason: str) -> str | None:
    """The sentence; None for a reason that asks nobody to do anything."""
    return ADVICE.get(Reason(reason)) if reason in set(Reason) else None


def where_to_look(reason: str, seen: Seen) -> str | None:
    """A command that shows more than the message; None where nothing does."""
    namespace = seen.body["metadata"]["namespace"]
    job = seen.optimization.get("job")
    if reason in _POD_REASONS:
        waiting = (p for p in seen.observed.pods if not is_ready(p) and not is_finished(p))
        pod = next(waiting, None)
        return _about(pod, namespace) if pod is not None else None
    if job in {name_of(each) for each in seen.observed.jobs}:
        return f"kubectl logs -n {namespace} job/{job}"
    return None


def _about(pod: Manifest, namespace: str) -> str:
    for status in container_statuses(pod):
        if last_failure(status) is not None:
            return f"kubectl logs -n {namespace} {name_of(pod)} -c {status['name']} --previous"
    return f"kubectl describe pod -n {namespace} {name_of(pod)}"
