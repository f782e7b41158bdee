"""When a status is told: at once where somebody waits for it, else once it has lasted a while.

Written as soon as anything differs, a life costs a status for each of its moments: a thousand
objects that are created together cost the API server thousands of writes about states that are
over when somebody reads them.
"""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from trifocal.api.condition import ConditionType

TOLD_AFTER = timedelta(seconds=5)
"""How long what is on its way must differ from what is stored: a pod that starts at once, or a
count that moves, is not worth a write; a person who watches does not miss the five seconds."""


def told_in(
    stored: Mapping[str, Any], wanted: Mapping[str, Any], *, differs_for: timedelta
) -> timedelta:
    """How long the wanted status may still wait; zero when it is to be written now.

    Args:
        stored: the status that the API server has.
        wanted: another one.
        differs_for: how long another one has been wanted.
    """
    if _pressing(stored) != _pressing(wanted):
        return timedelta(0)
    return max(TOLD_AFTER - differs_for, timedelta(0))


def _pressing(status: Mapping[str, Any]) -> tuple[Any, ...]:
    """What tools wait for, what traffic follows, and what the scaler remembers by.

    The scaling report limits its own writes; see `trifocal.reconcile.scaling_report`.
    """
    conditions = _states(status.get("conditions") or ())
    return (
        status.get("observedGeneration"),
        conditions.get(ConditionType.READY, (None, None))[0],
        conditions.get(ConditionType.STALLED),
        (status.get("revision") or {}).get("serving"),
        status.get("scaling"),
    )


def _states(conditions: Iterable[Mapping[str, Any]]) -> Mapping[str, tuple[str, str]]:
    return {c["type"]: (c["status"], c["reason"]) for c in conditions}
