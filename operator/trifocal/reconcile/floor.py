"""Who computes now: one pass at a time, and the event loop goes round between two of them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Floor:
    """One of the passes that are made side by side has it.

    Waiting for the API server, sixteen passes are no trouble. Their computations, some ten
    milliseconds each, would all be made in one round of the event loop when they become due
    together, and the lease, probes and timers would wait for the whole of it.
    """

    def __init__(self) -> None:
        self._one = asyncio.Lock()

    @asynccontextmanager
    async def taken(self) -> AsyncIterator[None]:
        """Compute alone, in this round of the event loop. Nothing is awaited within."""
        async with self._one:
            yield
            await asyncio.sleep(0)
