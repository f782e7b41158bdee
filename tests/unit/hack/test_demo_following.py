"""What the demo says while it waits, and when it stops waiting."""

from datetime import UTC, datetime

import pytest

from hack.demo.deployment import headline, refuse_stalled
from hack.demo.problem import DemoError
from hack.demo.waiting import wait_for
from trifocal.api.status import ConditionStatusModel, ModelDeploymentStatus, OptimizationStatus


def _status(kind: str, reason: str, message: str, **optimization: object) -> ModelDeploymentStatus:
    condition = ConditionStatusModel(
        type=kind,
        status="True" if kind == "Stalled" else "False",
        reason=reason,
        message=message,
        observed_generation=1,
        last_transition_time=datetime(2026, 1, 1, tzinfo=UTC),
    )
    work = OptimizationStatus.model_validate({"request": "r", **optimization})
    return ModelDeploymentStatus(conditions=(condition,), optimization=work)


def test_before_the_operator_has_seen_the_object() -> None:
    assert headline(None) == "waiting for the operator"


def test_while_the_job_works_its_step_is_shown_with_its_progress() -> None:
    status = _status("Ready", "Optimizing", "m", step="building int8", progress_percent=38)
    assert headline(status) == " 38 %  building int8"


def test_once_there_is_an_artifact_the_reason_for_not_being_ready_is_shown() -> None:
    status = _status("Ready", "StartingPods", "0 of 1 pods.", step="published", artifact="sha256:a")
    assert headline(status) == "StartingPods: 0 of 1 pods."


def test_stalled_ends_the_wait_with_its_own_words() -> None:
    with pytest.raises(
        DemoError, match=r"Stalled, DigestMismatch: The file is another\."
    ) as caught:
        refuse_stalled(_status("Stalled", "DigestMismatch", "The file is another."))
    assert caught.value.look == "kubectl -n demo describe mdep page-orientation"


def test_an_accepted_value_is_returned_at_once() -> None:
    assert wait_for(lambda: 7, lambda seen: seen == 7, seconds=0, what="x", look="y") == 7


def test_a_passed_deadline_says_what_did_not_happen_and_where_to_look() -> None:
    with pytest.raises(DemoError, match=r"A second pod did not happen within -1 s\.") as caught:
        wait_for(lambda: 7, lambda _: False, seconds=-1, what="A second pod", look="kubectl get")
    assert caught.value.look == "kubectl get"
