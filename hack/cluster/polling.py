"""Waits for conditions with a deadline; the only place that sleeps."""

import time
from collections.abc import Callable

from .errors import ClusterError


def wait_until(condition: Callable[[], bool], what: str, seconds: float = 60) -> None:
    """Return as soon as `condition` holds; ClusterError with `what` past the deadline."""
    if not becomes_true(condition, seconds):
        raise ClusterError(f"{what} (waited {seconds:.0f} s)")


def becomes_true(condition: Callable[[], bool], seconds: float) -> bool:
    """Whether `condition` holds within `seconds`."""
    deadline = time.monotonic() + seconds
    pause = 0.02
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(pause)
        pause = min(pause * 1.5, 0.25)
    return True
