"""Which stretch of the record a policy has at hand, and the largest of its recent results. Pure."""

from collections import deque
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Window:
    """A stretch of time, in seconds: [since, until)."""

    since: float
    until: float

    @property
    def seconds(self) -> float:
        """Its length; 0 when nothing has been recorded yet."""
        return self.until - self.since


def last(seconds: float, now: float, lag: float = 0.0) -> Window:
    """The `seconds` that ended `lag` ago, without what lies before the start of the record."""
    until = max(now - lag, 0.0)
    return Window(max(until - seconds, 0.0), until)


@dataclass
class RecentMaximum:
    """The largest of the numbers recorded in the last `seconds` (above 0), this one included."""

    seconds: float
    _falling: deque[tuple[float, int]] = field(default_factory=deque)
    """Time and number, each later and smaller than the one before: the first is the answer."""

    def record(self, now: float, number: int) -> int:
        """Adds a number and returns the maximum; one that is exactly `seconds` old has left."""
        while self._falling and self._falling[-1][1] <= number:
            self._falling.pop()
        self._falling.append((now, number))
        while self._falling[0][0] <= now - self.seconds:
            self._falling.popleft()
        return self._falling[0][1]
