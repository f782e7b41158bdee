"""The work queue: which object is looked at next, and when. Never one object twice at once.

Adding a key twice is adding it once. A failed pass comes back after exponential back-off with full
jitter (so that objects that failed together do not return together), a successful one resets it.
"""

import asyncio
import heapq
import math
from collections.abc import Callable
from typing import TypeAlias

Key: TypeAlias = tuple[str, str]
"""Namespace and name of a ModelDeployment."""

BACKOFF_FIRST_SECONDS = 1.0
"""Upper bound of the wait after the first failure; doubled by each further one."""
BACKOFF_CAP_SECONDS = 300.0
"""The wait is never longer: a user who repairs something sees it within 5 minutes."""
TRANSIENT_CAP_SECONDS = 8.0
"""The same where the API server was at fault: work goes on within 10 s of its recovery. Not the
wait but the client's rate limit protects a server that is in trouble."""
BACKOFF_FLOOR = 0.1
"""Least share of the bound: full jitter alone would retry some failures at once."""
_MAX_DOUBLINGS = 20


class QueueClosed(Exception):  # noqa: N818 - ends a worker's loop, as StopIteration does
    """No more work will be handed out."""


class WorkQueue:
    """A delayed, deduplicated queue for several workers of one event loop."""

    def __init__(self, *, clock: Callable[[], float], random: Callable[[], float]) -> None:
        """Make an empty queue.

        Args:
            clock: monotonic seconds.
            random: uniform in [0, 1).
        """
        self._clock = clock
        self._random = random
        self._due: dict[Key, float] = {}
        self._heap: list[tuple[float, Key]] = []
        self._running: dict[Key, float] = {}
        self._again: dict[Key, float] = {}
        self._failures: dict[Key, int] = {}
        self._closed = False
        self._moved_at = clock()
        self._changed = asyncio.Event()
        self._idle = asyncio.Event()

    def add(self, key: Key) -> None:
        """Look at this object as soon as a worker is free."""
        self.add_after(key, 0.0)

    def add_after(self, key: Key, seconds: float) -> None:
        """Look at this object after that time, or earlier if it is already due earlier."""
        due = self._clock() + seconds
        if key in self._running:
            self._again[key] = min(due, self._again.get(key, math.inf))
        elif due < self._due.get(key, math.inf):
            self._due[key] = due
            heapq.heappush(self._heap, (due, key))
            self._changed.set()

    def begin(self) -> None:
        """Workers start now: what has been due for long waited for them, not for the queue."""
        self._moved_at = self._clock()

    def pop(self) -> Key | None:
        """The key that has been due longest, now in work; None when none is due."""
        while self._heap and self._heap[0][0] <= self._clock():
            due, key = heapq.heappop(self._heap)
            if self._due.get(key) == due:
                del self._due[key]
                self._running[key] = self._moved_at = self._clock()
                return key
        return None

    async def get(self) -> Key:
        """Wait for the next key that is due.

        Raises:
            QueueClosed: the queue was closed.
        """
        while not self._closed:
            if (key := self.pop()) is not None:
                return key
            self._changed.clear()
            await self._wait(self._heap[0][0] - self._clock() if self._heap else None)
        raise QueueClosed

    async def _wait(self, seconds: float | None) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._changed.wait()
        except TimeoutError:
            return

    def done(self, key: Key) -> None:
        """The pass succeeded: forget earlier failures."""
        self._failures.pop(key, None)
        self._finish(key)

    def retry(self, key: Key, *, at_least: float = 0.0, at_most: float | None = None) -> float:
        """The pass failed: come back after a back-off; the answer is how long, in seconds.

        Adding the key meanwhile (its object changed) does not wait for the back-off. `at_least`
        is the server's word and stronger than `at_most`, which is the cap where none is given.
        """
        failures = min(self._failures.get(key, 0), _MAX_DOUBLINGS)
        self._failures[key] = failures + 1
        cap = BACKOFF_CAP_SECONDS if at_most is None else at_most
        bound = min(cap, BACKOFF_FIRST_SECONDS * 2.0**failures)
        delay = max(at_least, bound * max(BACKOFF_FLOOR, self._random()))
        self.add_after(key, delay)
        self._finish(key)
        return delay

    def give_back(self, key: Key) -> None:
        """The pass was broken off, by no fault of its object: it is due again at once."""
        self.add(key)
        self._finish(key)

    def _finish(self, key: Key) -> None:
        del self._running[key]
        self._moved_at = self._clock()
        due = self._again.pop(key, None)
        if due is not None:
            self.add_after(key, due - self._clock())
        if not self._running:
            self._idle.set()

    def close(self) -> None:
        """Hand out nothing more; passes in work may finish."""
        self._closed = True
        self._changed.set()

    async def drained(self) -> None:
        """Return when no pass is in work; after `close`, none will be again."""
        while self._running:
            self._idle.clear()
            await self._idle.wait()

    def depth(self) -> int:
        """Keys that are due and wait for a worker."""
        now = self._clock()
        return sum(due <= now for due in self._due.values())

    def oldest_seconds(self) -> float:
        """How long the longest-waiting due key has waited."""
        return max(0.0, self._clock() - min(self._due.values(), default=math.inf))

    def in_work(self) -> int:
        """Keys that workers hold now."""
        return len(self._running)

    def longest_pass(self) -> tuple[Key, float] | None:
        """The pass that has been in work longest, and for how many seconds."""
        if not self._running:
            return None
        key = min(self._running, key=self._running.__getitem__)
        return key, self._clock() - self._running[key]

    def stuck_seconds(self) -> float:
        """How long nothing was begun or ended although something was due; 0 while all is well."""
        return min(self.oldest_seconds(), self._clock() - self._moved_at)
