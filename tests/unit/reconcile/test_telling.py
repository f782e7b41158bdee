"""Which change of a status is worth a write at once, and which has to last first."""

from datetime import timedelta
from typing import Any

import pytest

from trifocal.reconcile.telling import told_in

NONE = timedelta(0)


def condition(kind: str, status: str, reason: str, message: str = "Words.") -> dict[str, Any]:
    return {"type": kind, "status": status, "reason": reason, "message": message}


STORED: dict[str, Any] = {
    "observedGeneration": 2,
    "conditions": [
        condition("Ready", "False", "Optimizing"),
        condition("Reconciling", "True", "Optimizing"),
    ],
    "revision": {"serving": "aaa", "wanted": "bbb"},
    "replicas": 1,
}

AT_ONCE = [
    pytest.param({"observedGeneration": 3}, id="a new generation was seen"),
    pytest.param({"conditions": [condition("Ready", "True", "Ready")]}, id="it is ready"),
    pytest.param(
        {"conditions": [*STORED["conditions"], condition("Stalled", "True", "GateFailed")]},
        id="the user has to act",
    ),
    pytest.param({"revision": {"serving": "bbb", "wanted": "bbb"}}, id="the traffic moved"),
    pytest.param({"scaling": {"desiredReplicas": 3}}, id="the scaler decided"),
]

LATER = [
    pytest.param({"replicas": 2}, id="a pod is there"),
    pytest.param(
        {"conditions": [condition("Ready", "False", "StartingPods")]}, id="the next step began"
    ),
    pytest.param(
        {"conditions": [condition("Ready", "False", "Optimizing", "40 %.")]}, id="other words"
    ),
    pytest.param({"revision": {"serving": "aaa", "wanted": "ccc"}}, id="another is wanted"),
]


@pytest.mark.parametrize("change", AT_ONCE)
def test_what_somebody_waits_for_is_told_at_once(change: dict[str, Any]) -> None:
    assert told_in(STORED, STORED | change, differs_for=NONE) == NONE


@pytest.mark.parametrize("change", LATER)
def test_what_is_on_its_way_is_told_after_five_seconds(change: dict[str, Any]) -> None:
    assert told_in(STORED, STORED | change, differs_for=NONE) == timedelta(seconds=5)
    assert told_in(STORED, STORED | change, differs_for=timedelta(seconds=4)) == timedelta(
        seconds=1
    )
    assert told_in(STORED, STORED | change, differs_for=timedelta(seconds=7)) == NONE


def test_the_first_status_is_told_at_once() -> None:
    assert told_in({}, STORED, differs_for=NONE) == NONE


def test_another_reason_to_act_is_told_at_once() -> None:
    stalled = condition("Stalled", "True", "GateFailed")
    before = STORED | {"conditions": [*STORED["conditions"], stalled]}
    after = STORED | {"conditions": [*STORED["conditions"], {**stalled, "reason": "SourceInvalid"}]}
    assert told_in(before, after, differs_for=NONE) == NONE
