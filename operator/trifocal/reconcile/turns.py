"""Passes compute in turn, and the event loop goes round between two of them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Turns:
    """Who computes now, among passes that are made side by side.

    Waiting for the API server, sixteen passes are no trouble. Their computations, some ten
    milliseconds each, would all be made in one round of the event loop when they become due
    together, and the lease, probes and timers would wait for the whole of it.
    """

    def __init__(self) -> None:
        self._floor = asyncio.Lock()

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Compute alone, in this round of the event loop. Nothing is awaited within."""
        async with self._floor:
            yield
            await asyncio.sleep(0)
