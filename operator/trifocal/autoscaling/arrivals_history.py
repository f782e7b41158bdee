"""What has arrived in the last hours, and what was foretold for it: compact and immutable. Pure.

Time is cut into buckets. Each keeps the measured rate, the level that a forecast started from at
its end, and what it then expected one horizon later. Single precision: a rate is not known better.
"""

import struct
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

BUCKET = timedelta(seconds=15)
"""As long as the window in which rates are measured, so that buckets share no request."""
MOST_BUCKETS = 1440
"""Six hours: 17 kB for each ModelDeployment, and twice the longest period that can be seen."""
MOST_MISSING = 20
"""Buckets in a row without a measurement, 5 minutes, after which what was learned is given up."""
_FLOAT = struct.Struct("f")


@dataclass(frozen=True, kw_only=True)
class Series:
    """Numbers in single precision, oldest first, in the bytes that numpy reads without copying."""

    packed: bytes = b""

    def __len__(self) -> int:
        return len(self.packed) // _FLOAT.size

    def __getitem__(self, index: int) -> float:
        """From the end, below 0."""
        start = (len(self) + index) * _FLOAT.size
        value: float = _FLOAT.unpack_from(self.packed, start)[0]
        return value

    def values(self) -> NDArray[np.float32]:
        """All of them, not to be written to."""
        return np.frombuffer(self.packed, np.float32)

    def followed_by(self, value: float) -> "Series":
        """With one more; the oldest leaves when there are MOST_BUCKETS."""
        room = (MOST_BUCKETS - 1) * _FLOAT.size
        return Series(packed=self.packed[-room:] + _FLOAT.pack(value))


@dataclass(frozen=True, kw_only=True)
class Observation:
    """A rate that was measured over the window that ended at a time."""

    at: datetime
    requests_per_second: float


@dataclass(frozen=True, kw_only=True)
class Arrivals:
    """One ModelDeployment's recent past, and what it teaches about its future."""

    recent: tuple[Observation, ...] = ()
    """Oldest first, those of the last minutes: what the level is taken from."""
    ended_at: datetime | None = None
    """End of the newest bucket."""
    rates: Series = field(default_factory=Series)
    levels: Series = field(default_factory=Series)
    expected: Series = field(default_factory=Series)
    period: int = 0
    """Buckets after which forecast errors repeat; 0 when they do not."""
    dispersion: float = 1.0
    """Variance of counts over their mean, as seen lately; 1 is pure chance."""
    growth: float | None = None
    """Upper quantile of rate to forecast, as seen so far; None while too few were judged."""

    def observe(self, observation: Observation, keep: timedelta) -> "Arrivals":
        """With what was measured now, and of the rest what is no older than `keep`."""
        kept = (o for o in self.recent if observation.at - keep <= o.at < observation.at)
        return replace(self, recent=(*kept, observation))

    def due(self, now: datetime) -> bool:
        """Whether a bucket has ended."""
        return self.ended_at is None or now - self.ended_at >= BUCKET

    def close_bucket(
        self, now: datetime, *, rate: float, level: float, expected: float
    ) -> "Arrivals":
        """With one more bucket.

        Buckets are counted, not dated, so that those in which nothing was measured are filled
        with the last one: it errs in nothing and teaches nothing. After MOST_MISSING the past
        is forgotten.
        """
        missed = 0 if self.ended_at is None else (now - self.ended_at) // BUCKET - 1
        if missed > MOST_MISSING:
            return Arrivals(recent=self.recent).close_bucket(
                now, rate=rate, level=level, expected=expected
            )
        ended_at = now if self.ended_at is None else self.ended_at + (missed + 1) * BUCKET
        past = replace(self, ended_at=ended_at)
        for _ in range(missed):
            past = past.extend(self.levels[-1], self.levels[-1], self.levels[-1])
        return past.extend(rate, level, expected)

    def extend(self, rate: float, level: float, expected: float) -> "Arrivals":
        """With one more number in each series."""
        return replace(
            self,
            rates=self.rates.followed_by(rate),
            levels=self.levels.followed_by(level),
            expected=self.expected.followed_by(expected),
        )
