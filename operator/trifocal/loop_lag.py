"""How late the event loop is: what blocks it delays everything, and nothing else shows that."""

import asyncio
from collections.abc import Awaitable, Callable

TICK_SECONDS = 0.25
"""Between two looks. A loop that is blocked for twice as long is seen to be late by at least this
much; four wake-ups a second cost a tenth of a percent of a core."""


async def watch_lag(
    observe: Callable[[float], None],
    *,
    clock: Callable[[], float],
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Tell how many seconds late each wake-up was, for ever.

    Args:
        observe: given seconds, 0 or more.
        clock: monotonic seconds.
        sleep: waits so many seconds.
    """
    while True:
        due = clock() + TICK_SECONDS
        await sleep(TICK_SECONDS)
        observe(max(0.0, clock() - due))
