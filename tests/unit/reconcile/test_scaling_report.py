"""status.scaling: right at once when the decision changes, and silent under a steady load."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tests.support.manifests import changed, minimal
from trifocal.api import manifest
from trifocal.api.modeldeployment import ModelDeployment
from trifocal.api.status import ScalingStatus
from trifocal.autoscaling.decision import ScaleDecision
from trifocal.autoscaling.reason import ScaleReason
from trifocal.reconcile.scaling_report import rounded, scaling_status, until_turn
from trifocal.settings import Settings

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
DECISION = ScaleDecision(
    replicas=2,
    reason="Steady",
    message="100 requests/s need 2 replicas.",
    requests_per_second=100.4,
    service_milliseconds=9.87,
    latency_milliseconds=31.4,
    decided_at=NOON,
)


def model(stored: ScalingStatus | None = None) -> ModelDeployment:
    body = minimal()
    body["metadata"]["uid"] = "uid-1"
    if stored is not None:
        dumped = stored.model_dump(mode="json", by_alias=True, exclude_none=True)
        body = changed(body, "status.scaling", dumped)
    return manifest.parse(body)


def report(
    stored: ScalingStatus | None, decision: ScaleDecision | None, now: datetime, desired: int = 2
) -> ScalingStatus | None:
    return scaling_status(model(stored), decision, desired, Settings(), now)


def first() -> ScalingStatus:
    found = report(None, DECISION, NOON)
    assert found is not None
    return found


def writes_in(duration: timedelta, decision: ScaleDecision) -> int:
    """How often the report changes when it is asked each scrape, 5 s apart."""
    stored, writes = first(), 0
    for step in range(int(duration / timedelta(seconds=5))):
        fresh = report(stored, decision, NOON + step * timedelta(seconds=5))
        assert fresh is not None
        writes += fresh != stored
        stored = fresh
    return writes


@pytest.mark.parametrize(
    ("number", "expected"), [(1234.5, 1200), (0.01234, 0.012), (9.96, 10), (0, 0), (100.4, 100)]
)
def test_two_significant_digits(number: float, expected: float) -> None:
    assert rounded(number) == expected


def test_the_first_decision_is_told_at_once() -> None:
    found = first()
    assert (found.desired_replicas, found.reason) == (2, "Steady")
    assert found.inputs.requests_per_second == 100
    assert found.inputs.service_milliseconds == 9.9
    assert found.last_change_time == NOON


@pytest.mark.parametrize(("asked", "is_told"), [(None, False), (0.0, False), (0.3, True)])
def test_a_model_that_is_not_scaled_is_reported_once_it_is_asked(
    asked: float | None, is_told: bool
) -> None:
    decision = replace(DECISION, reason=ScaleReason.NOT_SCALED, requests_per_second=asked)
    assert (report(None, decision, NOON) is not None) is is_told


def test_numbers_that_move_by_less_than_a_tenth_write_nothing() -> None:
    assert writes_in(timedelta(hours=1), replace(DECISION, requests_per_second=108)) == 0


def test_numbers_that_move_by_more_are_told_once_they_have_a_turn() -> None:
    assert writes_in(timedelta(minutes=1), replace(DECISION, requests_per_second=150)) == 1


def test_numbers_that_never_rest_are_told_twice_a_minute_at_most() -> None:
    stored, writes = first(), 0
    for step in range(120):  # ten minutes
        rate = 50.0 if step % 2 else 500.0
        decision = replace(DECISION, requests_per_second=rate)
        fresh = report(stored, decision, NOON + step * timedelta(seconds=5))
        assert fresh is not None
        writes += fresh != stored
        stored = fresh
    assert 0 < writes <= 20


def test_another_number_of_replicas_is_told_at_once_with_its_time() -> None:
    later = NOON + timedelta(seconds=7)
    decision = replace(DECISION, reason="MoreLoad", decided_at=later)
    found = report(first(), decision, later, desired=3)
    assert found is not None
    assert (found.desired_replicas, found.reason, found.last_change_time) == (3, "MoreLoad", later)


def test_another_reason_for_the_same_number_keeps_the_time_of_change() -> None:
    later = NOON + timedelta(seconds=7)
    found = report(first(), replace(DECISION, reason="Holding", decided_at=later), later)
    assert found is not None
    assert (found.reason, found.last_change_time) == ("Holding", NOON)


def test_without_a_decision_the_last_one_stays() -> None:
    assert report(first(), None, NOON + timedelta(hours=1)) == first()
    assert report(None, None, NOON) is None


def test_waking_up_at_the_turn_finds_it() -> None:
    moved = replace(DECISION, requests_per_second=900)
    at_turn = NOON + until_turn(model(), NOON)
    found = report(first(), moved, at_turn)
    assert found is not None
    assert found.inputs.requests_per_second == 900


def test_the_last_ten_changes_are_kept_the_newest_in_front() -> None:
    stored: ScalingStatus | None = None
    for replicas in range(1, 13):
        decision = replace(
            DECISION,
            replicas=replicas,
            message=f"{replicas} replicas.",
            decided_at=NOON + timedelta(minutes=replicas),
        )
        stored = report(stored, decision, decision.decided_at, desired=replicas)

    assert stored is not None
    assert [change.replicas for change in stored.changes] == list(range(12, 2, -1))
    assert stored.changes[0].time == NOON + timedelta(minutes=12)
    assert stored.changes[-1].message == "3 replicas."


def test_another_reason_for_the_same_number_is_no_change() -> None:
    stored = first()
    held = replace(DECISION, reason="Holding", decided_at=NOON + timedelta(minutes=1))

    found = report(stored, held, held.decided_at)

    assert found is not None
    assert found.reason == "Holding"
    assert found.changes == stored.changes
