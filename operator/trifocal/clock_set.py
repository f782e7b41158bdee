"""Notices that the wall clock was set: what was measured by it before then means nothing after."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime

TICK_SECONDS = 1.0
"""Between two looks."""
TOLERATED_SECONDS = 2.0
"""By which wall clock and steady clock may part between two looks. NTP slews by half a millisecond
a second and sets the clock from 128 ms on (ntpd's step threshold); nothing here is that exact, but
rates are measured over 15 s."""


class ClockSet(Exception):  # noqa: N818 - named for what happened
    """The wall clock has gone another way than the steady one."""


async def watch_clock(
    *,
    wall: Callable[[], datetime],
    steady: Callable[[], float],
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Return never.

    Args:
        wall: the time of day.
        steady: monotonic seconds.
        sleep: waits so many seconds.

    Raises:
        ClockSet: the wall clock was set, or stood still with the machine.
    """
    while True:
        at, since = wall(), steady()
        await sleep(TICK_SECONDS)
        jump = (wall() - at).total_seconds() - (steady() - since)
        if abs(jump) > TOLERATED_SECONDS:
            raise ClockSet(f"The clock was set by {jump:+.0f} s.")
