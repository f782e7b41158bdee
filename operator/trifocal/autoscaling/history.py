"""What one ModelDeployment has needed lately, and what its pods were like when all was well. Pure.

Replicas fall only to the most that was needed in the hold time, so that is all that is kept: a
falling staircase of needs, each later and smaller than the one before. What was only foreseen is
kept likewise, but for no longer than a new order would take.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from trifocal.autoscaling.arrivals_history import Arrivals
from trifocal.autoscaling.correction import Correction
from trifocal.autoscaling.signal import ServiceTime


@dataclass(frozen=True, kw_only=True)
class Need:
    """Replicas that were needed at one time."""

    at: datetime
    replicas: int


@dataclass(frozen=True, kw_only=True)
class History:
    """The scaler's memory of one ModelDeployment."""

    needs: tuple[Need, ...] = ()
    """For the measured load. Oldest first; replicas strictly fall."""
    foreseen: tuple[Need, ...] = ()
    """For the load of the forecast; likewise."""
    service: ServiceTime | None = None
    """Last measured while every ordered pod was ready: starting pods disturb their neighbours."""
    arrivals: Arrivals = field(default_factory=Arrivals)
    correction: Correction = field(default_factory=Correction)

    def record(self, replicas: int, now: datetime, hold: timedelta) -> "History":
        """The history with one more need, without those that the hold no longer reaches."""
        return replace(self, needs=_staircase(self.needs, replicas, now, hold))

    def foresee(self, replicas: int, now: datetime, hold: timedelta) -> "History":
        """The history with what the forecast calls for now, likewise."""
        return replace(self, foreseen=_staircase(self.foreseen, replicas, now, hold))

    def most_needed(self) -> int:
        """The largest need that either hold reaches; 0 when none was recorded."""
        return max((need.replicas for need in (*self.needs[:1], *self.foreseen[:1])), default=0)


def _staircase(
    needs: tuple[Need, ...], replicas: int, now: datetime, hold: timedelta
) -> tuple[Need, ...]:
    kept = (n for n in needs if n.at > now - hold and n.replicas > replicas)
    return (*kept, Need(at=now, replicas=replicas))


def seeded(replicas: int, now: datetime) -> History:
    """The history of an object that is seen for the first time, also after a restart.

    What it needed before is unknown. What runs is taken as needed now, so nothing scales down
    before a whole hold has been watched.
    """
    return History(needs=(Need(at=now, replicas=replicas),))
