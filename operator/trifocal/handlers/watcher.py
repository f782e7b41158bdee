"""kopf in a thread of its own: its event loop, its signal handling and its exit stay there.

In our loop, kopf would cancel every task that was made after it when it ends, replace our signal
handlers, and a list of 20,000 objects would delay lease renewals.
"""

import asyncio
import socket
import threading
import time
from collections.abc import Callable

import kopf
import structlog
from kopf._core.engines.peering import Identity  # no public name leads to this type

from trifocal.handlers.watches import Login, Receive, registry, settings
from trifocal.kube.client import Manifest

STOP_SECONDS = 2.0
"""kopf is given this long to close its watches; then the process ends without it."""

_log = structlog.get_logger(__name__)


class Watcher:
    """A running kopf; events reach `receive` in the event loop that started it."""

    def __init__(self, receive: Receive, login: Login) -> None:
        self._receive = receive
        self._login = login
        self._stop: Callable[[], None] | None = None
        self._thread: threading.Thread | None = None
        self._beat_at = time.monotonic()

    async def run(self) -> None:
        """Watch until stopped; returns or raises when kopf does."""
        ours = asyncio.get_running_loop()
        ended: asyncio.Future[None] = ours.create_future()

        def receive(kind: str, event: str | None, obj: Manifest) -> None:
            _post(ours, lambda: self._receive(kind, event, obj))

        def main() -> None:
            failure: BaseException | None = None
            try:
                asyncio.run(self._watch(receive))
            except BaseException as error:  # noqa: BLE001 - handed to the thread that waits
                failure = error
            _post(ours, lambda: _settle(ended, failure))

        self._thread = threading.Thread(target=main, name="kopf", daemon=True)
        self._thread.start()
        await ended

    async def _watch(self, receive: Receive) -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        self._stop = lambda: _post(loop, stop.set)
        beat = asyncio.create_task(self._beat())
        try:
            await kopf.operator(
                registry=registry(receive, self._login),
                settings=settings(),
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
        while True:
            self._beat_at = time.monotonic()
            await asyncio.sleep(1)

    def silent_seconds(self) -> float:
        """How long kopf's event loop has not turned: large when it hangs or its thread died."""
        return time.monotonic() - self._beat_at

    async def stop(self) -> None:
        """Ask kopf to end and wait for it a little."""
        if self._stop is None or self._thread is None:
            return
        self._stop()
        await asyncio.to_thread(self._thread.join, STOP_SECONDS)


def _post(loop: asyncio.AbstractEventLoop, call: Callable[[], None]) -> None:
    try:
        loop.call_soon_threadsafe(call)
    except RuntimeError:
        _log.debug("event loop closed; dropped")


def _settle(future: "asyncio.Future[None]", failure: BaseException | None) -> None:
    if future.done():
        return
    if failure is None:
        future.set_result(None)
    else:
        future.set_exception(failure)
