"""Room for a new revision where accelerators are scarce: the policy of giving up old pods.

A rollout needs room for the new pods beside the old ones. Where there is none, waiting would be
for ever, so the serving revision gives up one pod at a time, and only when that can help:

* the scheduler has said "Insufficient RESOURCE" about a new pod for `PATIENCE`;
* the old pods hold that resource, at least as much of it each, under the same node selector, so
  the new pod fits where the old one was;
* every new pod that did find a place has proved itself, and the place given up before this one
  was used, so a bad revision or a place that somebody else took costs one pod at most.

A revision never gives up its last pod while a new pod has a place: the traffic then moves as soon
as as many new pods are proven as old ones are left. Only with a single replica the old one stops
first, and returns if the new one fails.

What was given is noted on the serving Deployment, in the write that gives it:
`REVISION.PLACED`, the new revision and its pods that had a node then.
"""

import re
from datetime import datetime, timedelta

from trifocal.reconcile.children import (
    annotation,
    condition,
    instant,
    is_scheduled,
)
from trifocal.reconcile.observed import Manifest
from trifocal.reconcile.revisions import MADE_ROOM_ANNOTATION, Revision, gave_room
from trifocal.reconcile.rollout import Rollout
from trifocal.resources.quantity import amount

PATIENCE = timedelta(seconds=20)
"""A node autoscaler's chance to say that it adds a node, and a leaving pod's to leave."""

_INSUFFICIENT = re.compile(r"Insufficient ([A-Za-z0-9./_-]*[A-Za-z0-9])")
"""scheduler: pkg/scheduler/framework/plugins/noderesources/fit.go."""


def room_note(rollout: Rollout) -> str:
    """What to note on the serving Deployment when it gives up a pod."""
    wanted = rollout.wanted
    return f"{wanted.hash}.{_placed(wanted)}" if wanted else ""


def gives_up_pod(rollout: Rollout, now: datetime) -> bool:
    """Whether the serving revision should run one pod less, so that a new pod finds a place."""
    wanted, serving = rollout.wanted, rollout.serving
    if wanted is None or serving is None or not rollout.is_rolling or rollout.refused:
        return False
    placed = _placed(wanted)
    return (
        serving.replicas > int(placed > 0)
        and serving.leaving == 0
        and placed == len(rollout.proven)
        and not (gave_room(serving, wanted) and placed <= _placed_before(serving))
        and any(_fits(pod, serving) for pod in wanted.pods if _waits(pod, now))
    )


def waits_since(wanted: Revision) -> datetime | None:
    """Since when a pod of the revision has waited for a node."""
    found = (_refusal(pod) for pod in wanted.pods)
    times = [instant(c["lastTransitionTime"]) for c in found if c and "lastTransitionTime" in c]
    return min(times, default=None)


def _placed(revision: Revision) -> int:
    return sum(is_scheduled(pod) for pod in revision.pods)


def _placed_before(serving: Revision) -> int:
    note = serving.deployment and annotation(serving.deployment, MADE_ROOM_ANNOTATION)
    return int(str(note).partition(".")[2]) if note else -1


def _refusal(pod: Manifest) -> Manifest | None:
    found = condition(pod, "PodScheduled")
    return found if found and found["status"] == "False" else None


def _waits(pod: Manifest, now: datetime) -> bool:
    found = _refusal(pod)
    return (
        found is not None
        and "Insufficient" in str(found.get("message", ""))
        and now - instant(found["lastTransitionTime"]) >= PATIENCE
    )


def _fits(pod: Manifest, serving: Revision) -> bool:
    if serving.deployment is None:
        return False
    old = serving.deployment["spec"]["template"]["spec"]
    new = pod["spec"]
    scarce = _INSUFFICIENT.findall(str((_refusal(pod) or {}).get("message", "")))
    return (old.get("nodeSelector") or {}) == (new.get("nodeSelector") or {}) and all(
        0 < _request(new, name) <= _request(old, name) for name in scarce
    )


def _request(pod_spec: Manifest, resource: str) -> float:
    """What a pod asks for: the sum over its containers, or one init container's where more."""
    first = pod_spec.get("initContainers") or ()
    stay = [*pod_spec["containers"], *(c for c in first if c.get("restartPolicy") == "Always")]
    return max(sum(_asked(c, resource) for c in stay), *(_asked(c, resource) for c in first), 0.0)


def _asked(container: Manifest, resource: str) -> float:
    requests = container.get("resources", {}).get("requests", {})
    return float(amount(requests.get(resource, "0")))
