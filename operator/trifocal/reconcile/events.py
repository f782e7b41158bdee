"""Which Kubernetes Events a change of conditions is worth. Pure.

Only transitions are told: a condition whose status or reason changed. A new message alone (a
percentage, a count) is for the status.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from trifocal.api.condition import ConditionType, Reason
from trifocal.kube.recorder import Occurrence

_ACTIONS: Final[Mapping[str, str]] = {
    ConditionType.OPTIMIZED: "Optimize",
    ConditionType.AVAILABLE: "Serve",
    ConditionType.VERIFIED: "Verify",
    ConditionType.OBJECTIVE_MET: "Scale",
    ConditionType.READY: "Reconcile",
    ConditionType.STALLED: "Reconcile",
}
"""What Trifocal was doing, by condition, the cause before its summary. Reconciling is left out: it
follows from the others."""

_EXPECTED: Final = frozenset(
    {
        Reason.READY,
        Reason.OPTIMIZED,
        Reason.OPTIMIZING,
        Reason.WAITING_FOR_ARTIFACT,
        Reason.STARTING_PODS,
        Reason.PODS_READY,
        Reason.DEARER_PRODUCT,
        Reason.VERIFYING,
        Reason.ANSWERS_MATCH,
        Reason.SCALED_TO_ZERO,
        Reason.SUSPENDED,
        Reason.NO_OBJECTIVE,
        Reason.NO_TRAFFIC,
        Reason.NO_METRICS,
        Reason.WITHIN_OBJECTIVE,
    }
)
"""Reasons that belong to a life without trouble; an event with any other is a Warning."""


def transitions(
    before: Iterable[Mapping[str, Any]], after: Iterable[Mapping[str, Any]]
) -> tuple[Occurrence, ...]:
    """Events for the change from the stored conditions to the wanted ones.

    Ready, Stalled and the step that failed share a reason: it is told once.
    """
    stored = {c["type"]: _state(c) for c in before}
    wanted = {c["type"]: c for c in after if c["status"] != "Unknown"}
    told: dict[str, Occurrence] = {}
    for kind, action in _ACTIONS.items():
        condition = wanted.get(kind)
        if condition is not None and stored.get(kind) != _state(condition):
            told.setdefault(condition["reason"], _occurrence(condition, action))
    return tuple(told.values())


def _state(condition: Mapping[str, Any]) -> tuple[str, str]:
    return condition["status"], condition["reason"]


def _occurrence(condition: Mapping[str, Any], action: str) -> Occurrence:
    return Occurrence(
        type="Normal" if condition["reason"] in _EXPECTED else "Warning",
        reason=condition["reason"],
        action=action,
        note=condition["message"],
    )
