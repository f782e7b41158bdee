"""Times at which something happened, and what can be counted and integrated between two of them."""

from array import array
from bisect import bisect_left

import numpy as np
from numpy.typing import ArrayLike, NDArray


class Moments:
    """A growing list of times, ascending. Windows are [since, until)."""

    def __init__(self, times: ArrayLike = ()) -> None:
        self._times = array("d")
        self.extend(times)

    def __len__(self) -> int:
        return len(self._times)

    def extend(self, times: ArrayLike) -> None:
        """Adds times, ascending and none before the last."""
        self._times.frombytes(np.asarray(times, np.float64).tobytes())

    def before(self, at: float) -> int:
        """How many there are before `at`."""
        return bisect_left(self._times, at)

    def count(self, since: float, until: float) -> int:
        """How many there are in the window."""
        return self.before(until) - self.before(since)

    def slice(self, first: int, last: int) -> NDArray[np.float64]:
        """A copy of the times from the index `first` to before the index `last`."""
        return np.frombuffer(self._times[first:last])

    def integral(self, since: float, until: float) -> float:
        """Integral of `before` over the window: each counts from its time to the window's end."""
        first, last = self.before(since), self.before(until)
        return first * (until - since) + float((until - self.slice(first, last)).sum())
