"""Serves the Job's progress as JSON at GET /progress, from a thread of its own."""

import logging
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from typing_extensions import override

from trifocal.optimizer.contract import Progress

log = logging.getLogger(__name__)
PATH = "/progress"
CLIENT_SECONDS = 5
"""A client that says nothing for so long is dropped."""


class Latest:
    """The newest progress; written by the work, read by the server."""

    def __init__(self) -> None:
        self.progress = Progress(step="starting", percent=0)

    def __call__(self, progress: Progress) -> None:
        """Replace it. Assignment is atomic, so no lock is needed."""
        self.progress = progress


class _Server(ThreadingHTTPServer):
    """Listens on IPv4 and IPv6 where the kernel has both: pods may have either."""

    dual_stack = socket.has_dualstack_ipv6()
    address_family = socket.AF_INET6 if dual_stack else socket.AF_INET
    daemon_threads = True

    @override
    def server_bind(self) -> None:
        if self.dual_stack:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        super().server_bind()


@contextmanager
def serving_progress(latest: Latest, port: int) -> Iterator[int | None]:
    """Serve until the block ends; yields the port, or None where it cannot be had.

    Without it the operator shows no percentage; that must not stop the work.
    """
    try:
        server = _Server(("::" if _Server.dual_stack else "", port), _handler(latest))
    except OSError as error:
        log.warning("Progress is not served: port %d cannot be used (%s).", port, error.strerror)
        yield None
        return
    thread = Thread(target=server.serve_forever, name="progress", daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(latest: Latest) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = CLIENT_SECONDS

        def do_GET(self) -> None:
            if self.path != PATH:
                self.send_error(HTTPStatus.NOT_FOUND)
                return
            body = latest.progress.model_dump_json(by_alias=True).encode()
            self.send_response(HTTPStatus.OK)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        @override
        def log_message(self, format: str, *args: object) -> None:
            """Polls are not worth a line."""

    return Handler
