"""kopf in a thread of its own: its event loop, its signal handling and its exit stay there.

In our loop, kopf would cancel every task that was made after it when it ends, replace our signal
handlers, and a list of 20,000 objects would delay lease renewals.
"""

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator

import kopf
import structlog
from kopf._core.engines.peering import Identity  # no public name leads to this type

from trifocal.handlers.mailbox import Mailbox, post
from trifocal.handlers.no_memories import NoMemories
from trifocal.handlers.watches import Login, Receive, registry, settings

ABANDONED_SECONDS = 8.0
"""kopf asks for a new session at once when it closes one; at its exit it waits 5 s for tasks."""

STOP_SECONDS = 2.0
"""kopf is given this long to close its watches; then the process ends without it."""
FIRST_WAIT_SECONDS = 1.0
LONGEST_WAIT_SECONDS = 8.0
"""Between kopf's end and its next start: each start lists everything, and changes are to be seen
within 10 s of the end of whatever had ended it."""
QUIET_SECONDS = 120.0
"""kopf that ran for this long was well: its next end is a first one."""

_log = structlog.get_logger(__name__)


class Watcher:
    """A kopf that is started again whenever it ends; events reach the loop that started it."""

    def __init__(
        self, receive: Receive, login: Login, abandoned: Callable[[], float] = lambda: 0.0
    ) -> None:
        """Connect it; `abandoned` tells for how many seconds kopf has gone on without a session."""
        self._receive = receive
        self._login = login
        self._abandoned = abandoned
        self._stop: Callable[[], None] | None = None
        self._stopping = False
        self._thread: threading.Thread | None = None
        self._beat_at = time.monotonic()

    async def run(self) -> None:
        """Watch until stopped.

        kopf ends at an error event in a stream that is no 410, at a line that is no JSON, and at
        answers that it takes for final. None of them is a reason to lose the cache and the lease.
        """
        waits = restarts()
        while not self._stopping:
            started = time.monotonic()
            failure = await self._run_once()
            if self._stopping:
                return
            if time.monotonic() - started > QUIET_SECONDS:
                waits = restarts()
            wait = next(waits)
            _log.error("the watches ended", retry_in_seconds=wait, exc_info=failure)
            await asyncio.sleep(wait)

    async def _run_once(self) -> BaseException | None:
        """Why kopf ended, if it was an error."""
        ours = asyncio.get_running_loop()
        ended: asyncio.Future[BaseException | None] = ours.create_future()

        receive = Mailbox(ours, self._receive).put

        def main() -> None:
            failure: BaseException | None = None
            try:
                asyncio.run(self._watch(receive))
            except BaseException as error:  # noqa: BLE001 - handed to the thread that waits
                failure = error
            post(ours, lambda: None if ended.done() else ended.set_result(failure))

        self._thread = threading.Thread(target=main, name="kopf", daemon=True)
        self._thread.start()
        return await ended

    async def _watch(self, receive: Receive) -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        self._stop = lambda: post(loop, stop.set)
        beat = asyncio.create_task(self._beat())
        try:
            await kopf.operator(
                registry=registry(receive, self._login),
                settings=settings(),
                memories=NoMemories(),
                clusterwide=True,
                standalone=True,
                # Never used without peers, but by default kopf asks the system for the user's
                # name, and a container's uid has none (kopf: peering.detect_own_id).
                identity=Identity(socket.gethostname()),
                stop_flag=stop,
            )
        finally:
            beat.cancel()

    async def _beat(self) -> None:
        had_session = False
        while True:
            self._beat_at = time.monotonic()
            abandoned = self._abandoned()
            had_session = had_session or abandoned == 0.0
            if had_session and abandoned > ABANDONED_SECONDS:
                _cancel_others()
            await asyncio.sleep(1)

    def silent_seconds(self) -> float:
        """How long kopf's event loop has not turned: large when it hangs or its thread died."""
        return time.monotonic() - self._beat_at

    async def stop(self) -> None:
        """Ask kopf to end and wait for it a little."""
        self._stopping = True
        if self._stop is None or self._thread is None:
            return
        self._stop()
        await asyncio.to_thread(self._thread.join, STOP_SECONDS)


def _cancel_others() -> None:
    """Let kopf get out of its own exit.

    When one watch fails for good (410 or 404 at connecting), kopf 1.45 cancels the others, which
    take that for a pause (kopf: clients.api.stream), ask for a login that nobody answers any more,
    and are waited for without end: nothing is watched, and nothing is logged. They obey when they
    are cancelled again.
    """
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()


def restarts() -> Iterator[float]:
    """Seconds to wait before each start after the first: doubling, then steady."""
    wait = FIRST_WAIT_SECONDS
    while True:
        yield wait
        wait = min(LONGEST_WAIT_SECONDS, 2 * wait)
