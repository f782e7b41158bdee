"""What status says of scaling: the policy that steady load and idleness write nothing.

Measured numbers change with every scrape. Status keeps two significant digits of them and follows
only when the decision is another one, or when a number has moved by more than a tenth - and that
once in `SLOT`, in a slot that the object's uid spreads over time, so that nothing but the clock
needs to be remembered and a thousand objects do not write in the same second.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from trifocal.api.modeldeployment import ModelDeployment
from trifocal.api.names import short_hash
from trifocal.api.status import MAX_CHANGES, ScalingChange, ScalingInputs, ScalingStatus
from trifocal.autoscaling.decision import ScaleDecision
from trifocal.autoscaling.reason import ScaleReason
from trifocal.settings import Settings

SLOT = timedelta(seconds=30)
"""Measured numbers follow at most this often."""
MOVED = 0.1
"""Share by which a number must differ from the stored one to be worth a write."""
SIGNIFICANT_DIGITS = 2


def scaling_status(
    md: ModelDeployment,
    decision: ScaleDecision | None,
    desired: int,
    settings: Settings,
    now: datetime,
) -> ScalingStatus | None:
    """The scaling block: the stored one for as long as it is still true enough.

    Without a decision it stays whole: a new number is told with its reason, a pass later.
    """
    stored = _stored(md)
    if decision is None:
        return stored
    fresh = _fresh(decision, desired, stored)
    if stored is None:
        return fresh if _says_something(decision) else None
    if _is_another(stored, decision, desired):
        return fresh
    return fresh if _is_turn(md, settings, now) and _have_moved(stored, decision) else stored


def is_news(stored: Mapping[str, Any] | None, decision: ScaleDecision, desired: int) -> bool:
    """Whether a decision is worth telling beside `status.scaling` as it is stored."""
    if not stored:
        return _says_something(decision)
    told = ScalingStatus.model_validate(stored)
    return _is_another(told, decision, desired) or _have_moved(told, decision)


def until_turn(md: ModelDeployment, now: datetime) -> timedelta:
    """Time until this object's numbers may follow again."""
    return SLOT - _since_turn(md, now) + timedelta(milliseconds=1)


def rounded(number: float) -> float:
    """Two significant digits: 1234.5 is 1200, 0.01234 is 0.012."""
    return float(f"{number:.{SIGNIFICANT_DIGITS}g}")


def _says_something(decision: ScaleDecision) -> bool:
    """A model without `spec.scaling` that nobody asks has nothing to report."""
    return decision.reason != ScaleReason.NOT_SCALED or bool(decision.requests_per_second)


def _fresh(decision: ScaleDecision, desired: int, stored: ScalingStatus | None) -> ScalingStatus:
    decided_at = decision.decided_at.replace(microsecond=0)
    since: datetime | None
    if stored is None or stored.desired_replicas != desired:
        since, changes = decided_at, _changes(decision, desired, stored, decided_at)
    else:
        since, changes = stored.last_change_time, stored.changes
    return ScalingStatus(
        desired_replicas=desired,
        reason=decision.reason,
        message=decision.message,
        inputs=_inputs(decision),
        last_change_time=since,
        changes=changes,
    )


def _inputs(decision: ScaleDecision) -> ScalingInputs:
    return ScalingInputs(
        requests_per_second=_rounded(decision.requests_per_second),
        service_milliseconds=_rounded(decision.service_milliseconds),
        latency_milliseconds=_rounded(decision.latency_milliseconds),
        modelled_milliseconds=_rounded(decision.modelled_milliseconds),
        cold_start_seconds=_rounded(decision.cold_start_seconds),
    )


def _changes(
    decision: ScaleDecision, desired: int, stored: ScalingStatus | None, decided_at: datetime
) -> tuple[ScalingChange, ...]:
    """This decision, and after it the stored ones."""
    change = ScalingChange(
        time=decided_at, replicas=desired, reason=decision.reason, message=decision.message
    )
    return (change, *(stored.changes if stored else ()))[:MAX_CHANGES]


def _rounded(number: float | None) -> float | None:
    return None if number is None else rounded(number)


def _stored(md: ModelDeployment) -> ScalingStatus | None:
    stored = md.status.get("scaling")
    return ScalingStatus.model_validate(stored) if stored else None


def _is_another(stored: ScalingStatus, decision: ScaleDecision, desired: int) -> bool:
    return (stored.desired_replicas, stored.reason) != (desired, decision.reason)


def _have_moved(stored: ScalingStatus, decision: ScaleDecision) -> bool:
    pairs = zip(_numbers(stored.inputs), _numbers(_inputs(decision)), strict=True)
    return any(_has_moved(before, after) for before, after in pairs)


def _has_moved(before: float | None, after: float | None) -> bool:
    if before is None or after is None:
        return before is not after
    return abs(after - before) > MOVED * abs(before)


def _numbers(inputs: ScalingInputs) -> tuple[float | None, ...]:
    return (
        inputs.requests_per_second,
        inputs.service_milliseconds,
        inputs.latency_milliseconds,
        inputs.modelled_milliseconds,
        inputs.cold_start_seconds,
    )


def _is_turn(md: ModelDeployment, settings: Settings, now: datetime) -> bool:
    return _since_turn(md, now) < timedelta(seconds=settings.scrape_seconds)


def _since_turn(md: ModelDeployment, now: datetime) -> timedelta:
    offset = int(short_hash(md.metadata.uid), 16) % int(SLOT.total_seconds())
    return timedelta(seconds=(now.timestamp() - offset) % SLOT.total_seconds())
