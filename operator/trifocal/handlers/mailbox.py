"""From kopf's thread to the event loop that works: events in their order, a few at a time."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import TypeAlias

import structlog

from trifocal.kube.client import Manifest

AT_ONCE = 32
"""Events that are taken in one round of the event loop, a fifth of a millisecond each. A list of
thousands would hold it for seconds."""

Event: TypeAlias = tuple[str, str | None, Manifest]
"""Kind, type (None: from a list), and the object."""

_log = structlog.get_logger(__name__)


class Mailbox:
    """Events on their way. Putting one in never waits, and wakes the loop only if it sleeps."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        receive: Callable[[str, str | None, Manifest], None],
    ) -> None:
        """Deliver in `loop`, to `receive`."""
        self._loop = loop
        self._receive = receive
        self._events: deque[Event] = deque()
        self._is_awake = False

    def put(self, kind: str, event: str | None, obj: Manifest) -> None:
        """From any thread."""
        self._events.append((kind, event, obj))
        if not self._is_awake:
            self._is_awake = True
            post(self._loop, self._deliver)

    def _deliver(self) -> None:
        # Before anything is taken out: what is put in from now on wakes the loop again.
        self._is_awake = False
        try:
            for _ in range(min(AT_ONCE, len(self._events))):
                self._receive(*self._events.popleft())
        finally:
            if self._events and not self._is_awake:
                self._is_awake = True
                self._loop.call_soon(self._deliver)


def post(loop: asyncio.AbstractEventLoop, call: Callable[[], None]) -> None:
    """Have a loop of another thread call it; nothing, where that loop is closed."""
    try:
        loop.call_soon_threadsafe(call)
    except RuntimeError:
        _log.debug("event loop closed; dropped")
