"""Conditions between verdicts and JSON: made, summarized, and compared with what is stored."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from trifocal.api.condition import (
    Condition,
    ConditionType,
    carry_transition_times,
    summarize,
)
from trifocal.api.manifest import stored_conditions
from trifocal.api.status import ConditionStatusModel
from trifocal.reconcile.verdict import Verdict

MAX_MESSAGE = 4096
"""Characters of a condition's message that the CRD allows."""


def conditions(
    verdicts: Mapping[ConditionType, Verdict],
    *,
    stored: Mapping[str, Any],
    generation: int,
    now: datetime,
    kept: Iterable[Condition] = (),
) -> tuple[ConditionStatusModel, ...]:
    """Every condition as JSON models; `kept` are conditions that nothing new is known about.

    Times are whole seconds, as the API has them, so that what is read back compares equal.
    """
    second = now.replace(microsecond=0)
    made = [_made(kind, verdict, generation, second) for kind, verdict in verdicts.items()]
    whole = summarize([*made, *kept], generation=generation, now=second)
    return tuple(_model(c) for c in carry_transition_times(whole, stored_conditions(stored)))


def _made(kind: ConditionType, verdict: Verdict, generation: int, now: datetime) -> Condition:
    return Condition(
        type=kind,
        status=verdict.status,
        reason=verdict.reason,
        message=verdict.message[:MAX_MESSAGE],
        observed_generation=generation,
        last_transition_time=now,
    )


def _model(condition: Condition) -> ConditionStatusModel:
    return ConditionStatusModel(
        type=condition.type,
        status=condition.status,
        reason=condition.reason,
        message=condition.message,
        observed_generation=condition.observed_generation,
        last_transition_time=condition.last_transition_time,
    )
