"""Waiting for a ModelDeployment: until it is ready or stalled, or the time is up."""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass

from trifocal.cli.status_tree import Chain, Progress, progress
from trifocal.kube.errors import Transient

REFRESH_SECONDS = 2.0
"""Four small lists each time: slow enough for an API server, fast enough for an eye."""


@dataclass(frozen=True, kw_only=True)
class Wait:
    """How to wait."""

    seconds: float | None = None
    """At most so long; None without end."""
    clock: Callable[[], float] = time.monotonic
    """Monotonic seconds."""
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep


def _show_nothing(_chain: Chain) -> None:
    pass


async def until_settled(
    first: Chain,
    read: Callable[[], Awaitable[Chain]],
    wait: Wait,
    show: Callable[[Chain], None] = _show_nothing,
) -> Chain:
    """The chain when it is ready or stalled, or as it was last seen when the time is up.

    An API server that is away for a moment ends no wait: it is asked again.

    Raises:
        ApiError: it refuses to answer.
    """
    ends = math.inf if wait.seconds is None else wait.clock() + wait.seconds
    seen = first
    while progress(seen) is Progress.WAITING and (left := ends - wait.clock()) > 0:
        await wait.sleep(min(left, REFRESH_SECONDS))
        with suppress(Transient):
            seen = await read()
            show(seen)
    return seen
