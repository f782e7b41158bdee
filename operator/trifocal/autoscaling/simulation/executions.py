"""Executions that were started together in the simulation: arrays, for there are millions."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Executions(NamedTuple):
    """In the order of their start. Times in seconds; a plain tuple, for most hold only a few."""

    start: Floats
    end: Floats
    sizes: NDArray[np.int64]
    """Requests of each."""
    came: Floats
    """When their requests had come, batch after batch."""

    @property
    def request_start(self) -> Floats:
        """The start of each request's execution."""
        return np.repeat(self.start, self.sizes)

    @property
    def request_end(self) -> Floats:
        """When each request is answered."""
        return np.repeat(self.end, self.sizes)


NONE = Executions(np.empty(0), np.empty(0), np.empty(0, dtype=np.int64), np.empty(0))


def merged(parts: Sequence[Executions]) -> Executions:
    """Those of several pods in one order."""
    if not parts:
        return NONE
    if len(parts) == 1:
        return parts[0]
    together = Executions(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))
    order = np.argsort(together.start, kind="stable")
    requests = np.argsort(together.request_start, kind="stable")
    return Executions(
        together.start[order], together.end[order], together.sizes[order], together.came[requests]
    )
