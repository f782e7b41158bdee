"""What a child says of itself: its owner, revision, readiness. Reads manifests, decides nothing."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from trifocal.api import names
from trifocal.reconcile.observed import Manifest
from trifocal.resources import headroom

_FINISHED_PHASES = frozenset({"Succeeded", "Failed"})


def name_of(child: Manifest) -> str:
    """metadata.name."""
    return str(child["metadata"]["name"])


def uid_of(child: Manifest) -> str:
    """metadata.uid."""
    return str(child["metadata"]["uid"])


def annotation(child: Manifest, key: str) -> str | None:
    """An annotation's value."""
    value = child["metadata"].get("annotations", {}).get(key)
    return None if value is None else str(value)


def revision_of(child: Manifest) -> str | None:
    """The revision that a child belongs to, or that a Service points at, as a label holds it."""
    value = child["metadata"].get("labels", {}).get(names.REVISION_LABEL)
    return None if value is None else str(value)


def product_of(child: Manifest) -> str | None:
    """The one of several GPU products that a Deployment or pod is for."""
    value = child["metadata"].get("labels", {}).get(names.PRODUCT_LABEL)
    return None if value is None else str(value)


def is_headroom(child: Manifest) -> bool:
    """Whether it keeps places free and serves nothing."""
    labels: Manifest = child["metadata"].get("labels", {})
    return labels.get(names.COMPONENT_LABEL) == headroom.COMPONENT


def request_of(child: Manifest) -> str | None:
    """The digest of the optimization request that a child belongs to."""
    return annotation(child, names.REQUEST_ANNOTATION)


def is_owned(child: Manifest, owner_uid: str) -> bool:
    """Whether the uid, not only the name, of the owner is ours.

    A ModelDeployment that was deleted and made again has the same name and another uid; its
    predecessor's children belong to the garbage collector.
    """
    owners = child["metadata"].get("ownerReferences") or ()
    return any(owner["uid"] == owner_uid for owner in owners)


def is_deleting(child: Manifest) -> bool:
    """Whether it is on its way out."""
    return "deletionTimestamp" in child["metadata"]


def named(children: Iterable[Manifest], name: str) -> Manifest | None:
    """The child of that name."""
    return next((child for child in children if name_of(child) == name), None)


def condition(child: Manifest, kind: str) -> Manifest | None:
    """A condition of its status."""
    conditions: Iterable[Manifest] = child.get("status", {}).get("conditions") or ()
    return next((c for c in conditions if c["type"] == kind), None)


def has_condition(child: Manifest, kind: str) -> bool:
    """Whether the condition is there and True."""
    found = condition(child, kind)
    return found is not None and found["status"] == "True"


def is_finished(pod: Manifest) -> bool:
    """Whether none of a pod's containers will run again."""
    return pod.get("status", {}).get("phase") in _FINISHED_PHASES


def is_ready(pod: Manifest) -> bool:
    """Whether a Service would send it traffic."""
    return not is_deleting(pod) and not is_finished(pod) and has_condition(pod, "Ready")


def is_scheduled(pod: Manifest) -> bool:
    """Whether a node has been found for it."""
    return bool(pod.get("spec", {}).get("nodeName"))


def unscheduled(pod: Manifest) -> Manifest | None:
    """The condition by which the scheduler says that no node takes the pod.

    One that is gated waits for somebody else's word (Kueue's, say), whatever nodes there are.
    """
    found = condition(pod, "PodScheduled")
    if found is None or found["status"] != "False" or found.get("reason") == "SchedulingGated":
        return None
    return found


def unscheduled_since(pod: Manifest) -> datetime | None:
    """Since when no node takes the pod; None where one does, or nobody has said otherwise."""
    since = (unscheduled(pod) or {}).get("lastTransitionTime")
    return None if since is None else instant(since)


def container_statuses(pod: Manifest) -> tuple[Manifest, ...]:
    """Statuses of init containers, then of containers."""
    status: Any = pod.get("status", {})
    return (
        *(status.get("initContainerStatuses") or ()),
        *(status.get("containerStatuses") or ()),
    )


def replicas_of(deployment: Manifest) -> int:
    """spec.replicas; 1 where it is unset, as the API server has it."""
    return int(deployment.get("spec", {}).get("replicas", 1))


def instant(text: str) -> datetime:
    """A timestamp as Kubernetes writes it."""
    return datetime.fromisoformat(text)
