"""Which transitions are told as Kubernetes Events."""

from typing import Any

import pytest

from trifocal.reconcile.events import transitions


def condition(kind: str, status: str, reason: str, message: str = "Words.") -> dict[str, Any]:
    return {"type": kind, "status": status, "reason": reason, "message": message}


def told(before: list[dict[str, Any]], after: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(o.type, o.reason) for o in transitions(before, after)]


def test_a_new_state_is_told() -> None:
    assert told([], [condition("Optimized", "True", "Optimized")]) == [("Normal", "Optimized")]


def test_the_same_state_is_not_told_again() -> None:
    stored = [condition("Optimized", "True", "Optimized")]
    assert told(stored, stored) == []


def test_a_new_message_alone_is_not_told() -> None:
    before = [condition("Available", "False", "StartingPods", "1 of 3 pods are ready.")]
    after = [condition("Available", "False", "StartingPods", "2 of 3 pods are ready.")]
    assert told(before, after) == []


def test_another_reason_is_told() -> None:
    before = [condition("Available", "False", "Unschedulable")]
    after = [condition("Available", "False", "ImagePullFailed")]
    assert told(before, after) == [("Warning", "ImagePullFailed")]


def test_one_cause_in_three_conditions_is_told_once_by_its_step() -> None:
    after = [
        condition(kind, status, "DigestMismatch")
        for kind, status in (("Ready", "False"), ("Stalled", "True"), ("Optimized", "False"))
    ]
    (event,) = transitions([], after)
    assert (event.type, event.reason, event.action) == ("Warning", "DigestMismatch", "Optimize")


@pytest.mark.parametrize("kind", ["Reconciling", "Unheard"])
def test_conditions_that_follow_from_others_are_not_told(kind: str) -> None:
    assert told([], [condition(kind, "True", "Optimizing")]) == []


def test_not_knowing_is_no_event() -> None:
    assert told([], [condition("ObjectiveMet", "Unknown", "NoTraffic")]) == []


def test_a_missed_objective_is_a_warning() -> None:
    after = [condition("ObjectiveMet", "False", "MissingObjective")]
    assert told([], after) == [("Warning", "MissingObjective")]
