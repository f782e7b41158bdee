"""Room for a new revision where accelerators are scarce: the policy of giving up old pods.

A rollout needs room for the new pods beside the old ones. Where there is none, waiting would be
for ever, so the serving revision gives up one pod at a time, and only when that can help:

* the scheduler has said "Insufficient RESOURCE" about a new pod for `PATIENCE`, and, where any of
  several GPU products would do, has found no node with the others either;
* the old pods hold that resource, at least as much of it each, under the same node selector, so
  the new pod fits where the old one was;
* every new pod that did find a place has proved itself, and the place given up before this one
  was used, so a bad revision or a place that somebody else took costs one pod at most.

A revision never gives up its last pod while a new pod has a place: the traffic then moves as soon
as as many new pods are proven as old ones are left. Only with a single replica the old one stops
first, and returns if the new one fails.

What was given is noted on the Deployment that gave it, in the write that gives it:
`REVISION.PLACED`, the new revision and its pods that had a node then.
"""

import re
from datetime import datetime, timedelta

from trifocal.reconcile.children import (
    is_scheduled,
    unscheduled,
    unscheduled_since,
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


def gives_up_pod(rollout: Rollout, now: datetime) -> Manifest | None:
    """The serving revision's Deployment that should run a pod less, so that a new pod fits."""
    wanted, serving = rollout.wanted, rollout.serving
    if wanted is None or serving is None or not rollout.is_rolling or rollout.refused:
        return None
    placed = _placed(wanted)
    may = (
        serving.held > int(placed > 0)
        and serving.leaving == 0
        and placed == len(rollout.proven)
        and not (gave_room(serving, wanted) and placed <= _placed_before(serving, wanted))
        and all(_has_no_node(wanted, deployment, now) for deployment in wanted.deployments)
    )
    waiting = [pod for pod in wanted.pods if _waits(pod, now)] if may else []
    givers = (d for d in serving.deployments if serving.held_by(d) > 0)
    return next((d for d in givers if any(_fits(pod, d) for pod in waiting)), None)


def waits_since(wanted: Revision) -> datetime | None:
    """Since when a pod of the revision has waited for a node."""
    times = (unscheduled_since(pod) for pod in wanted.pods)
    return min((time for time in times if time), default=None)


def _placed(revision: Revision) -> int:
    return sum(is_scheduled(pod) for pod in revision.pods)


def _placed_before(serving: Revision, wanted: Revision) -> int:
    notes = (note.partition(".") for note in serving.notes(MADE_ROOM_ANNOTATION))
    return max((int(placed) for to, _, placed in notes if to == wanted.hash), default=-1)


def _has_no_node(wanted: Revision, deployment: Manifest, now: datetime) -> bool:
    """Whether a pod of the Deployment waits in vain; the next product's are made only then."""
    return any(_is_patient(pod, now) for pod in wanted.pods_of(deployment))


def _waits(pod: Manifest, now: datetime) -> bool:
    words = str((unscheduled(pod) or {}).get("message", ""))
    return "Insufficient" in words and _is_patient(pod, now)


def _is_patient(pod: Manifest, now: datetime) -> bool:
    since = unscheduled_since(pod)
    return since is not None and now - since >= PATIENCE


def _fits(pod: Manifest, deployment: Manifest) -> bool:
    old = deployment["spec"]["template"]["spec"]
    new = pod["spec"]
    scarce = _INSUFFICIENT.findall(str((unscheduled(pod) or {}).get("message", "")))
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
