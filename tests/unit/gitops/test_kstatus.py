"""The port of kstatus gives what upstream's own tests and README say.

Cases: `TestCRDGenericStatus` in pkg/kstatus/status/status_compute_test.go (cli-utils v1.2.2 of
fluxcd), under upstream's names, and the sentences of pkg/kstatus/README.md.
"""

from typing import Any

import pytest

from tests.support.kstatus import KStatus, compute

READY = {"type": "Ready", "status": "True", "message": "All looks ok", "reason": "AllOk"}
NOT_READY = {"type": "Ready", "status": "False", "reason": "NotReadyYet"}
RECONCILING = {"type": "Reconciling", "status": "True", "reason": "Working", "message": "Soon."}
STALLED = {"type": "Stalled", "status": "True", "reason": "Stuck", "message": "Act."}


def custom(
    *conditions: dict[str, str], generation: int = 1, observed: int | None = None, **metadata: str
) -> dict[str, Any]:
    status: dict[str, Any] = {"conditions": list(conditions)} if conditions else {}
    if observed is not None:
        status["observedGeneration"] = observed
    return {
        "apiVersion": "something/v1",
        "kind": "MyCR",
        "metadata": {"name": "test", "namespace": "qual", "generation": generation, **metadata},
        **({"status": status} if status else {}),
    }


UPSTREAM = {
    "crdNoStatus": (custom(), KStatus.CURRENT, ""),
    "crdReady": (custom(READY), KStatus.CURRENT, ""),
    "crdNotReady": (custom(NOT_READY, observed=1), KStatus.IN_PROGRESS, "NotReadyYet"),
    "crdNoCondition": (
        custom({"type": "SomeCondition", "status": "False"}),
        KStatus.CURRENT,
        "",
    ),
    "crdMismatchStatusGeneration": (
        custom(generation=2, observed=1),
        KStatus.IN_PROGRESS,
        "LatestGenerationNotObserved",
    ),
}


@pytest.mark.parametrize("name", UPSTREAM)
def test_upstreams_cases_of_custom_resources(name: str) -> None:
    obj, status, reason = UPSTREAM[name]
    found = compute(obj)
    assert (found.status, found.reason) == (status, reason)


def test_an_object_that_is_being_deleted_is_terminating_whatever_it_says() -> None:
    obj = custom(READY, observed=1, deletionTimestamp="2026-01-01T00:00:00Z")
    assert compute(obj).status is KStatus.TERMINATING


def test_reconciling_and_stalled_are_believed_before_ready() -> None:
    assert compute(custom(READY, RECONCILING, observed=1)).status is KStatus.IN_PROGRESS
    assert compute(custom(READY, STALLED, observed=1)).status is KStatus.FAILED
    assert compute(custom(NOT_READY, STALLED, observed=1)).message == "Act."


def test_abnormal_conditions_count_only_while_true() -> None:
    """README: the absence of any conditions means everything is normal."""
    calm = [{**each, "status": "False"} for each in (RECONCILING, STALLED)]
    assert compute(custom(*calm, READY, observed=1)).status is KStatus.CURRENT


def test_a_stale_condition_is_not_believed() -> None:
    """README: where generation and observedGeneration differ, there are changes not yet seen."""
    assert compute(custom(STALLED, generation=2, observed=1)).status is KStatus.IN_PROGRESS


def test_ready_unknown_is_in_progress() -> None:
    unknown = {**READY, "status": "Unknown"}
    assert compute(custom(unknown, observed=1)).status is KStatus.IN_PROGRESS
