"""By which factor the measured tail differs from the modelled one: slow, and within bounds. Pure.

The model errs where it does not know the server: batches of several instances, other work on the
node, requests of different cost. A minute's percentile errs too, by chance, so that only the mean
of many minutes is believed, and only of minutes in which nothing else explains a difference.
"""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta

LEAST, MOST = 0.5, 2.0
"""A larger difference is no error of the queueing model: something else is slow, and replicas
are not what is missing."""
MEMORY = timedelta(minutes=10)
"""Time after which a difference that stays is believed to two thirds."""
LATE_REQUESTS = 10
"""Answers beyond the percentile that one measurement of it must rest on: fewer know it to no
better than a third."""
TELLING_SHARE = 0.5
"""Of the objective, that the modelled tail must reach. The factor is to be right near it; where
requests hardly wait, a minute's few late ones are many times a wait of next to nothing."""
LONGEST_STEP = timedelta(seconds=15)
"""One measurement stands for no more time than this, however long ago the one before was."""


@dataclass(frozen=True, kw_only=True)
class Correction:
    """What modelled latencies are multiplied with."""

    factor: float = 1.0
    at: datetime | None = None
    """Of the last measurement that counted."""

    def learn(self, measured: float, modelled: float, now: datetime) -> "Correction":
        """With one more measurement of the tail, in the unit of the modelled one."""
        passed = LONGEST_STEP if self.at is None else min(now - self.at, LONGEST_STEP)
        ratio = min(max(measured / modelled, LEAST), MOST)
        weight = 1 - math.exp(-passed / MEMORY)
        return Correction(factor=self.factor + weight * (ratio - self.factor), at=now)


def is_enough(requests: float, percentile: float) -> bool:
    """Whether a percentile of so many answers says anything."""
    return requests * (1 - percentile / 100) >= LATE_REQUESTS


def is_telling(modelled: float, objective: float) -> bool:
    """Whether an error of the modelled tail shows how the model errs near the objective."""
    return modelled >= TELLING_SHARE * objective
