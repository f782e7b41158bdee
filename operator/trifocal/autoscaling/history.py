"""What one ModelDeployment has needed lately, and what its pods were like when all was well. Pure.

Replicas fall only to the most that was needed in the hold time, so that is all that is kept: a
falling staircase of needs, each later and smaller than the one before.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

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
    """Oldest first; replicas strictly fall."""
    service: ServiceTime | None = None
    """Last measured while every ordered pod was ready: starting pods disturb their neighbours."""

    def record(self, replicas: int, now: datetime, hold: timedelta) -> "History":
        """The history with one more need, without those that the hold no longer reaches."""
        kept = (n for n in self.needs if n.at > now - hold and n.replicas > replicas)
        return replace(self, needs=(*kept, Need(at=now, replicas=replicas)))

    def most_needed(self) -> int:
        """The largest need recorded within the hold of the last `record`; 0 when none was."""
        return self.needs[0].replicas if self.needs else 0


def seeded(replicas: int, now: datetime) -> History:
    """The history of an object that is seen for the first time, also after a restart.

    What it needed before is unknown. What runs is taken as needed now, so nothing scales down
    before a whole hold has been watched.
    """
    return History(needs=(Need(at=now, replicas=replicas),))
