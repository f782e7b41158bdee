"""How Ready, Reconciling and Stalled follow from the steps."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trifocal.api.condition import (
    STEPS,
    USER_MUST_ACT,
    Condition,
    ConditionStatus,
    ConditionType,
    Reason,
    carry_transition_times,
    summarize,
)

NOW = datetime(2026, 11, 25, 10, 0, tzinfo=UTC)
EARLIER = NOW - timedelta(hours=1)
T = ConditionType


def condition(
    kind: ConditionType,
    status: ConditionStatus = "True",
    reason: Reason = Reason.READY,
    *,
    generation: int = 3,
) -> Condition:
    return Condition(
        type=kind,
        status=status,
        reason=reason,
        message=f"{kind} is {status}.",
        observed_generation=generation,
        last_transition_time=EARLIER,
    )


def all_true() -> tuple[Condition, ...]:
    return (
        condition(T.OPTIMIZED, reason=Reason.OPTIMIZED),
        condition(T.AVAILABLE, reason=Reason.PODS_READY),
        condition(T.VERIFIED, reason=Reason.ANSWERS_MATCH),
    )


def with_step(changed: Condition) -> tuple[Condition, ...]:
    return tuple(changed if c.type is changed.type else c for c in all_true())


def kstatus(conditions: Iterable[Condition]) -> str:
    """The generic rules of cli-utils' pkg/kstatus/status/generic.go, written independently."""
    found = {str(c.type): str(c.status) for c in conditions}
    if found.get("Reconciling") == "True":
        return "InProgress"
    if found.get("Stalled") == "True":
        return "Failed"
    return {"True": "Current", "False": "InProgress", "Unknown": "InProgress"}[found["Ready"]]


def test_all_steps_true_is_ready_and_nothing_else() -> None:
    summary = summarize(all_true(), generation=3, now=NOW)
    assert [c.type for c in summary] == [T.READY, *STEPS]
    assert (summary[0].status, summary[0].reason) == ("True", Reason.READY)
    assert summary[0].message == "Verified is True."
    assert kstatus(summary) == "Current"


def test_the_first_step_that_is_not_true_says_why() -> None:
    steps = (
        condition(T.OPTIMIZED, "False", Reason.OPTIMIZING),
        condition(T.AVAILABLE, "False", Reason.CRASHING),
        condition(T.VERIFIED, "Unknown", Reason.WAITING_FOR_ARTIFACT),
    )
    summary = summarize(steps, generation=3, now=NOW)
    assert (summary[0].status, summary[0].reason) == ("False", Reason.OPTIMIZING)
    assert summary[0].message == "Optimized is False."
    assert summary[-1].type is T.RECONCILING
    assert kstatus(summary) == "InProgress"


@pytest.mark.parametrize("reason", sorted(USER_MUST_ACT))
def test_a_reason_that_only_the_user_can_cure_is_stalled(reason: Reason) -> None:
    summary = summarize(with_step(condition(T.OPTIMIZED, "False", reason)), generation=3, now=NOW)
    assert (summary[0].status, summary[0].reason) == ("False", reason)
    assert (summary[-1].type, summary[-1].status) == (T.STALLED, "True")
    assert (summary[-1].reason, summary[-1].message) == (reason, "Optimized is False.")
    assert kstatus(summary) == "Failed"


@pytest.mark.parametrize(
    "reason",
    [Reason.UNSCHEDULABLE, Reason.IMAGE_PULL_FAILED, Reason.CRASHING, Reason.STARTING_PODS],
)
def test_what_the_cluster_may_cure_by_itself_is_reconciling(reason: Reason) -> None:
    summary = summarize(with_step(condition(T.AVAILABLE, "False", reason)), generation=3, now=NOW)
    assert summary[0].reason is reason
    assert kstatus(summary) == "InProgress"


def test_a_missing_step_is_unknown_and_reconciling() -> None:
    summary = summarize((), generation=1, now=NOW)
    assert [c.type for c in summary] == [T.READY, T.RECONCILING]
    assert (summary[0].status, summary[0].reason) == ("Unknown", Reason.PENDING)
    assert summary[0].message == "Generation 1 has not been looked at yet."


def test_steps_of_an_older_generation_never_make_ready_true() -> None:
    summary = summarize(all_true(), generation=4, now=NOW)
    assert (summary[0].status, summary[0].observed_generation) == ("Unknown", 4)
    assert kstatus(summary) == "InProgress"


def test_a_missed_objective_does_not_change_ready() -> None:
    slow = condition(T.OBJECTIVE_MET, "False", Reason.MISSING_OBJECTIVE)
    summary = summarize((*all_true(), slow), generation=3, now=NOW)
    assert summary[0].status == "True"
    assert summary[-1] == slow


def test_suspended_on_its_way_is_stalled_but_suspended_and_serving_is_ready() -> None:
    waiting = with_step(condition(T.OPTIMIZED, "False", Reason.SUSPENDED))
    assert kstatus(summarize(waiting, generation=3, now=NOW)) == "Failed"
    assert kstatus(summarize(all_true(), generation=3, now=NOW)) == "Current"


def test_scaled_to_zero_is_ready_and_says_so() -> None:
    summary = summarize(
        with_step(condition(T.AVAILABLE, "True", Reason.SCALED_TO_ZERO)), generation=3, now=NOW
    )
    assert (summary[0].status, summary[0].reason) == ("True", Reason.SCALED_TO_ZERO)


ANY_CONDITIONS = st.lists(
    st.builds(
        condition,
        st.sampled_from(list(ConditionType)),
        st.sampled_from(get_args(ConditionStatus)),
        st.sampled_from(list(Reason)),
        generation=st.integers(1, 4),
    ),
    max_size=8,
    unique_by=lambda c: c.type,
)


@given(ANY_CONDITIONS)
def test_summary_invariants(conditions: list[Condition]) -> None:
    summary = summarize(conditions, generation=3, now=NOW)
    types = [c.type for c in summary]
    flags = {T.RECONCILING, T.STALLED} & set(types)
    assert types[0] is T.READY
    assert len(types) == len(set(types))
    assert len(flags) == (0 if summary[0].status == "True" else 1)
    assert summarize(summary, generation=3, now=NOW) == summary


@given(ANY_CONDITIONS)
def test_summary_does_not_depend_on_the_order_of_the_conditions(
    conditions: list[Condition],
) -> None:
    forwards = summarize(conditions, generation=3, now=NOW)
    backwards = summarize(conditions[::-1], generation=3, now=NOW)
    assert sorted(forwards, key=lambda c: c.type) == sorted(backwards, key=lambda c: c.type)


def test_transition_time_moves_only_with_the_status() -> None:
    stored = (condition(T.READY, "True"), condition(T.OPTIMIZED, "True"))
    fresh = tuple(
        replace(c, last_transition_time=NOW, message="new words")
        for c in (condition(T.READY, "False"), condition(T.OPTIMIZED, "True"))
    )
    carried = carry_transition_times(fresh, stored)
    assert [c.last_transition_time for c in carried] == [NOW, EARLIER]
    assert [c.message for c in carried] == ["new words", "new words"]


def test_every_reason_is_camel_case_as_the_api_conventions_ask() -> None:
    assert all(r.value.isalnum() and r.value[0].isupper() for r in Reason)
