"""kstatus in Python: how Flux, Helm 4 and kpt read a custom resource. A port of its rules, no more.

From `pkg/kstatus/status` of github.com/fluxcd/cli-utils v1.2.2 (Flux 2 and Helm 4 use it; the
same rules as in kubernetes-sigs/cli-utils): `checkGenericProperties` in generic.go, then, as no
rule of a built-in kind applies, `checkReadyCondition` in status.go.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class KStatus(StrEnum):
    """What kstatus makes of one object; NotFound and Unknown need a cluster to be asked."""

    IN_PROGRESS = "InProgress"
    FAILED = "Failed"
    CURRENT = "Current"
    TERMINATING = "Terminating"


@dataclass(frozen=True, kw_only=True)
class Result:
    """A status, with the words that a user is shown."""

    status: KStatus
    message: str
    reason: str = ""
    """Of the condition Reconciling or Stalled that kstatus would add; empty where none."""


def compute(obj: Mapping[str, Any]) -> Result:
    """The status of a custom resource, from nothing but the object.

    | first that holds                          | status      |
    |-------------------------------------------|-------------|
    | it is being deleted                       | Terminating |
    | observedGeneration is another generation  | InProgress  |
    | Reconciling or Stalled, the first that is True in the list | InProgress or Failed |
    | Ready is True                             | Current     |
    | Ready is False or Unknown                 | InProgress  |
    | there is no condition to go by            | Current     |
    """
    if obj["metadata"].get("deletionTimestamp"):
        return Result(status=KStatus.TERMINATING, message="Resource scheduled for deletion")
    return (
        _unobserved(obj)
        or _abnormal(obj)
        or _by_ready(obj)
        or Result(status=KStatus.CURRENT, message="Resource is current")
    )


def _unobserved(obj: Mapping[str, Any]) -> Result | None:
    """An object without either number passes: most kinds have no observedGeneration."""
    generation = obj["metadata"].get("generation")
    observed = (obj.get("status") or {}).get("observedGeneration")
    if generation is None or observed is None or generation == observed:
        return None
    return Result(
        status=KStatus.IN_PROGRESS,
        reason="LatestGenerationNotObserved",
        message=f"{obj.get('kind', '')} generation is {generation}, but latest observed "
        f"generation is {observed}",
    )


def _abnormal(obj: Mapping[str, Any]) -> Result | None:
    statuses = {"Reconciling": KStatus.IN_PROGRESS, "Stalled": KStatus.FAILED}
    for condition in _conditions(obj):
        if condition["type"] in statuses and condition["status"] == "True":
            return _from_condition(statuses[condition["type"]], condition)
    return None


def _by_ready(obj: Mapping[str, Any]) -> Result | None:
    for condition in _conditions(obj):
        if condition["type"] != "Ready":
            continue
        if condition["status"] == "True":
            return Result(status=KStatus.CURRENT, message="Resource is Ready")
        if condition["status"] in {"False", "Unknown"}:
            return _from_condition(KStatus.IN_PROGRESS, condition)
    return None


def _from_condition(status: KStatus, condition: Mapping[str, Any]) -> Result:
    return Result(
        status=status,
        reason=condition.get("reason", ""),
        message=condition.get("message", ""),
    )


def _conditions(obj: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = (obj.get("status") or {}).get("conditions") or []
    return found
