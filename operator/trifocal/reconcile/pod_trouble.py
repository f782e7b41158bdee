"""Why a pod cannot run, in the scheduler's or kubelet's own words: the policy for one pod.

The first rule of `_RULES` that applies decides, in the order in which a pod comes to life.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator

from trifocal.api.condition import Reason
from trifocal.reconcile.children import (
    condition,
    container_statuses,
    is_deleting,
    is_finished,
    is_ready,
    name_of,
    uid_of,
)
from trifocal.reconcile.observed import Manifest
from trifocal.reconcile.trouble import Trouble, sentence
from trifocal.resources.revision import FETCH_CONTAINER

Events = tuple[Manifest, ...]
Rule = Callable[[Manifest, Events], Trouble | None]

MAX_WORDS = 600
"""Characters of somebody else's message that are quoted: the end of it, where errors stand."""

_PULL_REASONS = frozenset(
    {
        "ErrImagePull",
        "ImagePullBackOff",
        "InvalidImageName",
        "ErrImageNeverPull",
        "RegistryUnavailable",
        "ImageInspectError",
        "SignatureValidationFailed",
    }
)
"""kubelet: pkg/kubelet/images/types.go."""
_CREATE_REASONS = frozenset(
    {
        "CreateContainerConfigError",
        "CreateContainerError",
        "RunContainerError",
        "PreCreateHookError",
        "PreStartHookError",
        "PostStartHookError",
    }
)
"""kubelet: pkg/kubelet/kuberuntime/kuberuntime_container.go."""
_VOLUME_EVENTS = frozenset({"FailedMount", "FailedAttachVolume", "FailedMapVolume"})
_CREATE_EVENTS = frozenset({"FailedCreate"})

_MISSING = (
    (re.compile(r'secrets? "(?P<name>[^"]+)" not found'), Reason.SECRET_MISSING, "Secret"),
    (
        re.compile(r'persistentvolumeclaims? "(?P<name>[^"]+)" not found'),
        Reason.CLAIM_MISSING,
        "PersistentVolumeClaim",
    ),
    (
        re.compile(r'serviceaccounts? "(?P<name>[^"]+)" not found'),
        Reason.SERVICE_ACCOUNT_MISSING,
        "ServiceAccount",
    ),
)
"""How apimachinery's errors.NewNotFound speaks of what a pod refers to."""


def pod_trouble(pod: Manifest, events: Events) -> Trouble | None:
    """What keeps a pod from being ready; None for a pod that is ready, leaving or on its way."""
    if is_ready(pod) or is_deleting(pod):
        return None
    return next((found for rule in _RULES if (found := rule(pod, events))), None)


def missing_object(words: str) -> Trouble | None:
    """The Secret, claim or ServiceAccount that a message of the cluster says is not there."""
    for pattern, reason, kind in _MISSING:
        if match := pattern.search(words):
            return missing_reference(reason, kind, match["name"])
    return None


def missing_reference(reason: Reason, kind: str, name: str) -> Trouble:
    """The spec names an object that does not exist."""
    return Trouble(
        reason=reason,
        message=f"{kind} {name} does not exist in this namespace; create it, or name another one "
        "in the spec.",
    )


def refused_pods(children: Iterable[Manifest], events: Events) -> Trouble | None:
    """The API server does not admit the pods of a Job, Deployment or ReplicaSet.

    A Deployment says so in a condition; a Job only in events. Both hold the server's words.
    """
    owners = tuple(children)
    failing = (condition(owner, "ReplicaFailure") for owner in owners)
    said = [str(c.get("message", "")) for c in failing if c and c["status"] == "True"]
    uids = frozenset(uid_of(owner) for owner in owners)
    said += [e.get("message", "") for e in _about(events, uids, _CREATE_EVENTS)]
    if not said:
        return None
    return missing_object(said[-1]) or Trouble(
        reason=Reason.POD_REFUSED,
        message=f"The API server does not admit the pod: {sentence(_end(said[-1]))}",
    )


def _unschedulable(pod: Manifest, _events: Events) -> Trouble | None:
    found = condition(pod, "PodScheduled")
    if found is None or found["status"] != "False" or found.get("reason") != "Unschedulable":
        return None
    words = str(found.get("message", ""))
    return missing_object(words) or Trouble(
        reason=Reason.UNSCHEDULABLE,
        message=f"No node takes pod {name_of(pod)}: {sentence(_end(words))}",
    )


def _ended_by_kubelet(pod: Manifest, _events: Events) -> Trouble | None:
    status = pod.get("status", {})
    if status.get("phase") != "Failed" or "reason" not in status:
        return None
    refused = status["reason"] == "UnexpectedAdmissionError"
    return Trouble(
        reason=Reason.POD_REFUSED if refused else Reason.CRASHING,
        message=f"The kubelet ended pod {name_of(pod)} ({status['reason']}): "
        f"{sentence(_end(status.get('message', '')))}",
    )


def _unmounted(pod: Manifest, events: Events) -> Trouble | None:
    """Only while no container has started: the events outlive their cause by an hour."""
    if any("waiting" not in s.get("state", {}) for s in container_statuses(pod)):
        return None
    said = [e.get("message", "") for e in _about(events, {uid_of(pod)}, _VOLUME_EVENTS)]
    if not said:
        return None
    return missing_object(said[-1]) or Trouble(
        reason=Reason.ARTIFACT_UNREADABLE,
        message=f"A volume of pod {name_of(pod)} cannot be mounted: {sentence(_end(said[-1]))}",
    )


def _image_not_pulled(pod: Manifest, _events: Events) -> Trouble | None:
    for status, reason, words in _waiting(pod):
        if reason in _PULL_REASONS:
            return Trouble(
                reason=Reason.IMAGE_PULL_FAILED,
                message=f"Image {status['image']} cannot be pulled: {sentence(_end(words))}",
            )
    return None


def _not_created(pod: Manifest, _events: Events) -> Trouble | None:
    for status, reason, words in _waiting(pod):
        if reason in _CREATE_REASONS:
            return missing_object(words) or Trouble(
                reason=Reason.CRASHING,
                message=f"Container {status['name']} of pod {name_of(pod)} cannot start: "
                f"{sentence(_end(words))}",
            )
    return None


def _crashed(pod: Manifest, _events: Events) -> Trouble | None:
    for status in container_statuses(pod):
        ended = last_failure(status)
        if ended is None or status.get("ready", False):
            continue
        if status["name"] == FETCH_CONTAINER:
            return _fetch_failed(pod, ended)
        times = int(status.get("restartCount", 0)) + int("running" not in status.get("state", {}))
        return Trouble(
            reason=Reason.CRASHING,
            message=f"Container {status['name']} of pod {name_of(pod)} {death(ended)} "
            f"(starts that failed: {max(times, 1)}). {last_words(ended)}".rstrip(),
        )
    return None


def last_failure(status: Manifest) -> Manifest | None:
    """How a container last ended, if that was a failure."""
    for state in (status.get("state", {}), status.get("lastState", {})):
        ended: Manifest | None = state.get("terminated")
        if ended is not None:
            return ended if ended.get("exitCode", 0) != 0 else None
    return None


def death(ended: Manifest) -> str:
    """How a container ended, to follow its name."""
    if ended.get("reason") == "OOMKilled":
        return "was killed because it used more memory than its limit"
    return f"ended with exit code {ended.get('exitCode')}"


def last_words(ended: Manifest) -> str:
    """What it wrote last, if it wrote anything."""
    words = str(ended.get("message", "")).strip()
    return f"Its last words: {sentence(_end(words))}" if words else ""


def _fetch_failed(pod: Manifest, ended: Manifest) -> Trouble:
    words = str(ended.get("message", "")).strip()
    told = _told(words)
    return Trouble(
        reason=told[0] if told else Reason.ARTIFACT_UNREADABLE,
        message=f"Pod {name_of(pod)} cannot fetch the artifact: "
        f"{sentence(told[1] if told else _end(words) or death(ended))}",
    )


def _told(words: str) -> tuple[Reason, str] | None:
    """A reason and a sentence, where the container wrote them as JSON."""
    try:
        told = json.loads(words)
        return Reason(told["reason"]), str(told["message"])
    except (ValueError, KeyError, TypeError):
        return None


def _waiting(pod: Manifest) -> Iterator[tuple[Manifest, str, str]]:
    for status in container_statuses(pod):
        waiting = status.get("state", {}).get("waiting")
        if waiting:
            yield status, str(waiting.get("reason", "")), str(waiting.get("message", ""))


def _about(events: Events, uids: Iterable[str], reasons: frozenset[str]) -> list[Manifest]:
    wanted = frozenset(uids)
    return [
        event
        for event in events
        if event.get("reason") in reasons and event["involvedObject"].get("uid") in wanted
    ]


def _end(words: str) -> str:
    return words if len(words) <= MAX_WORDS else f"...{words[-MAX_WORDS:]}"


_RULES: tuple[Rule, ...] = (
    _ended_by_kubelet,
    _unschedulable,
    _image_not_pulled,
    _not_created,
    _crashed,
    _unmounted,
)


def first_trouble(pods: Iterable[Manifest], events: Events) -> Trouble | None:
    """The trouble of the first pod that has one; pods that still live before finished ones."""
    living_first = sorted(pods, key=lambda pod: (is_finished(pod), name_of(pod)))
    found = (pod_trouble(pod, events) for pod in living_first)
    return next((trouble for trouble in found if trouble), None)
