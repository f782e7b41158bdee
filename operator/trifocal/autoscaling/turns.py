"""The turns of models that nobody scales: not every pass of the scaling loop looks at them."""

from collections.abc import Hashable, Iterable
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta
from typing import TypeVar
from zlib import crc32

OBSERVED_SECONDS = 30.0
"""How often a model is looked at that nobody scales. Only its status and metrics ask for it, and
status tells numbers no more often; a thousand pods read every 5 s cost a tenth of a core."""

K = TypeVar("K", bound=Hashable)


class Turns:
    """When each observed model is looked at next."""

    def __init__(self) -> None:
        self._next: dict[Hashable, datetime] = {}

    def take(self, observed: Iterable[K], now: datetime) -> AbstractSet[K]:
        """Those whose turn it is; whoever is not named any more is forgotten.

        A new one is looked at at once, again after a share of the interval that its name
        decides, so that a thousand that were first seen together do not stay together.
        """
        due: set[K] = set()
        following: dict[Hashable, datetime] = {}
        for key in observed:
            at = self._next.get(key)
            if at is None or now >= at:
                due.add(key)
                at = _after(now, _share(key) if at is None else 1.0)
            following[key] = at
        self._next = following
        return due


def _after(now: datetime, share: float) -> datetime:
    return now + share * timedelta(seconds=OBSERVED_SECONDS)


def _share(key: Hashable) -> float:
    """Between 0 and 1, the same in every process."""
    return crc32(repr(key).encode()) / 2**32
