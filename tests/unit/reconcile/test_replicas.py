"""The number of pods: who decides it, and what stays when nobody does."""

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.support.manifests import changed, minimal
from trifocal.api import manifest
from trifocal.api.modeldeployment import ModelDeployment
from trifocal.autoscaling.decision import ScaleDecision
from trifocal.autoscaling.reason import ScaleReason
from trifocal.reconcile.replicas import decision_on, desired_replicas, enough_replicas

SCALING = {
    "minReplicas": 2,
    "maxReplicas": 6,
    "objective": {"latency": {"maxMilliseconds": 50}},
}


def model(scaling: Any = None, replicas: int = 3, stored: int | None = None) -> ModelDeployment:
    body = changed(minimal(), "spec.replicas", replicas)
    body["metadata"]["uid"] = "uid"
    if scaling:
        body = changed(body, "spec.scaling", scaling)
    if stored is not None:
        body = changed(body, "status.scaling.desiredReplicas", stored)
    return manifest.parse(body)


@pytest.mark.parametrize(
    ("scaling", "decided", "stored", "live", "expected"),
    [
        (None, None, None, None, 3),
        (None, 5, 4, 4, 3),  # a person's or an HPA's number wins where no objective is set
        (SCALING, 5, 4, 3, 5),
        (SCALING, None, 4, 3, 4),  # no data after a restart: what was wanted stays
        (SCALING, None, None, 3, 3),
        (SCALING, None, None, None, 2),
        (SCALING, 9, None, None, 6),
        (SCALING, 1, None, None, 2),
        (SCALING, None, 9, None, 6),
        (SCALING, None, None, 0, 2),
    ],
)
def test_who_decides(
    scaling: Any, decided: int | None, stored: int | None, live: int | None, expected: int
) -> None:
    md = model(scaling, stored=stored)
    assert desired_replicas(md, decided=decided, live=live) == expected


def test_a_person_may_scale_to_zero() -> None:
    assert desired_replicas(model(replicas=0), decided=None, live=2) == 0


def test_a_peak_does_not_make_a_model_unavailable() -> None:
    assert enough_replicas(model(SCALING), 6) == 2
    assert enough_replicas(model(), 3) == 3


@pytest.mark.parametrize(
    ("scaling", "reason", "counts"),
    [
        (SCALING, ScaleReason.STEADY, True),
        (SCALING, ScaleReason.NOT_SCALED, False),
        (None, ScaleReason.NOT_SCALED, True),
        (None, ScaleReason.NO_METRICS, False),
    ],
)
def test_a_decision_on_a_spec_that_scaled_otherwise_does_not_count(
    scaling: Any, reason: ScaleReason, counts: bool
) -> None:
    decision = ScaleDecision(
        replicas=2, reason=reason, message="So.", decided_at=datetime(2026, 1, 1, tzinfo=UTC)
    )
    assert decision_on(model(scaling), decision) == (decision if counts else None)
