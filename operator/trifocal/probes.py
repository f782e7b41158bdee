"""Probes that answer whatever the event loop does: from a thread of their own.

The loop says once a second how it is. The thread repeats the last word, and knows when it is old.
"""

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from typing_extensions import override

BEAT_SECONDS = 1.0
SILENCE_SECONDS = 30.0
"""A loop may be busy with a long list for seconds; one that is silent for longer is blocked."""
CLIENT_SECONDS = 5.0
"""A client that does not finish its request in this time is hung up on."""

Check = Callable[[], str | None]
"""A probe's question; the answer is what is wrong, or None."""


class Vitals:
    """What the event loop last said of itself, by probe path, and when."""

    def __init__(self, checks: Mapping[str, Check], clock: Callable[[], float]) -> None:
        """Ask nothing yet.

        Args:
            checks: by path; called in the event loop only, so they may read what it changes.
            clock: monotonic seconds.
        """
        self._checks = checks
        self._clock = clock
        self._said = self._ask()

    async def beat(self) -> None:
        """Ask every second, for ever."""
        while True:
            # One assignment: the thread sees the old answers or the new ones.
            self._said = self._ask()
            await asyncio.sleep(BEAT_SECONDS)

    def _ask(self) -> tuple[dict[str, str | None], float]:
        return {path: check() for path, check in self._checks.items()}, self._clock()

    def paths(self) -> tuple[str, ...]:
        """What can be asked."""
        return tuple(self._checks)

    def problem(self, path: str) -> str | None:
        """What is wrong, None while all is well; from any thread."""
        answers, at = self._said
        silent = self._clock() - at
        if silent > SILENCE_SECONDS:
            return f"The event loop has not turned for {silent:.0f} s."
        return answers[path]


@contextmanager
def probes_served(vitals: Vitals, port: int) -> Iterator[int]:
    """Serve the probes on every address of this machine; yields the port (0: any free one)."""
    server = _Server(vitals, port)
    thread = threading.Thread(target=server.serve_forever, name="probes", daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, vitals: Vitals, port: int) -> None:
        super().__init__(("", port), _Handler, bind_and_activate=False)
        self.socket.close()
        dual = socket.has_dualstack_ipv6()
        family = socket.AF_INET6 if dual else socket.AF_INET
        self.socket = socket.create_server(("", port), family=family, dualstack_ipv6=dual)
        self.server_port = self.socket.getsockname()[1]
        self.vitals = vitals


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = CLIENT_SECONDS

    def do_GET(self) -> None:
        """200, or 503 with what is wrong."""
        if self.path not in self.server.vitals.paths():
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        problem = self.server.vitals.problem(self.path)
        body = f"{problem or 'ok'}\n".encode()
        self.send_response(HTTPStatus.OK if problem is None else HTTPStatus.SERVICE_UNAVAILABLE)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    @override
    def version_string(self) -> str:
        return "trifocal"

    @override
    def log_message(self, format: str, *args: object) -> None:
        """Nothing: a probe every few seconds is no news."""
