"""Waits for something to become true, never longer than a deadline."""

import time
from collections.abc import Callable
from typing import TypeVar

from hack.demo.problem import DemoError

Seen = TypeVar("Seen")
POLL_SECONDS = 1.0


def wait_for(
    read: Callable[[], Seen],
    accept: Callable[[Seen], bool],
    *,
    seconds: float,
    what: str,
    look: str,
) -> Seen:
    """Read about every second until the value is accepted, and return it.

    Raises:
        DemoError: The deadline passed.
    """
    deadline = time.monotonic() + seconds
    while not accept(seen := read()):
        if time.monotonic() > deadline:
            raise DemoError(f"{what} did not happen within {seconds:.0f} s.", look)
        time.sleep(POLL_SECONDS)
    return seen
