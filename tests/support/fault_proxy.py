"""A TLS-terminating reverse proxy before a test's API server that fails requests and watches."""

import asyncio
import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
from aiohttp import web

from tests.support.control_plane import ControlPlane

_HOP_HEADERS = {"transfer-encoding", "content-length", "connection", "content-encoding", "host"}
_WRITES = {"POST", "PUT", "PATCH", "DELETE"}


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What happens to one request instead of, or besides, being forwarded."""

    status: int | None = None
    """Answer with this status and do not forward."""
    headers: dict[str, str] = field(default_factory=dict)
    before: Callable[[], None] | None = None
    """Called before the request is forwarded; the answer is then lost."""
    after: Callable[[], None] | None = None
    """Called when the API server has done it, before the answer is passed on."""
    delay_seconds: float = 0.0
    """Wait before anything else."""
    resets: bool = False
    """Break the connection without forwarding."""
    loses_answer: bool = False
    """Break the connection when the API server has done it."""


Rule = Callable[[str, str], Fault | None]
"""From method and path to a fault; called in the proxy's thread."""


@dataclass(frozen=True, kw_only=True)
class SeenWrite:
    """One write that went to the API server, or was failed before it got there."""

    at: float
    """Monotonic seconds when it was answered."""
    method: str
    path: str
    query: dict[str, str]
    body: bytes
    status: int
    """The API server's; the fault's own where the request was not forwarded."""
    answer: bytes = b""


def is_write(method: str, path: str) -> bool:
    """Whether a request changes something other than a lease."""
    return method in _WRITES and "/leases" not in path


def nothing_fails(_method: str, _path: str) -> None:
    """The rule of good days."""


class _Stream:
    """One open watch: it flows or is held, and may end with words that the server never said."""

    def __init__(self, path: str, upstream: aiohttp.ClientResponse) -> None:
        self.path = path
        self.flowing = asyncio.Event()
        self.flowing.set()
        self.last_words: bytes | None = None
        self._upstream = upstream

    def end(self, last_words: bytes) -> None:
        """Say this and close; what is held is lost."""
        self.last_words = last_words
        self.flowing.set()
        self._upstream.close()


class FaultProxy:
    """Forwards to the API server; `rule` decides which requests fail, methods what watches do."""

    def __init__(self, plane: ControlPlane) -> None:
        """Nothing listens yet."""
        self.rule: Rule = nothing_fails
        self.watch_rule: Rule = nothing_fails
        """As `rule`, and only for requests that open a watch."""
        self.required_token: str | None = None
        """Any other bearer token is answered with 401; None lets every one pass."""
        self.writes: list[SeenWrite] = []
        """Every write so far, leases left out, in the order of their answers."""
        self.port = 0
        self._plane = plane
        self._session: aiohttp.ClientSession
        self._loop: asyncio.AbstractEventLoop
        self._open: set[aiohttp.ClientResponse] = set()
        self._streams: set[_Stream] = set()
        self._holds = ""
        self._lists: dict[str, bytes] = {}
        self._past: dict[str, bytes] = {}

    def kubeconfig(self, folder: Path, token: str | None = None) -> Path:
        """A kubeconfig that leads through the proxy."""
        config = self._plane.kubeconfig_for(token or self._plane.token)
        address = f"https://127.0.0.1:{self.port}"
        authority = {"certificate-authority": str(self._plane.authority)}
        config["clusters"] = [{"name": "test", "cluster": {"server": address, **authority}}]
        path = folder / "proxied-kubeconfig"
        path.write_text(json.dumps(config))
        return path

    def cut(self) -> None:
        """Break every request that is being answered now: watches above all."""

        def close() -> None:
            for upstream in tuple(self._open):
                upstream.close()

        self._loop.call_soon_threadsafe(close)

    def hold_watches(self, plural: str) -> None:
        """Pass on no event of these resources until `release_watches` or the watch's end."""
        self._holds = plural
        for stream in self._of(plural):
            self._loop.call_soon_threadsafe(stream.flowing.clear)

    def is_watched(self, plural: str) -> bool:
        """Whether a watch of these resources is open: lists are read before it is."""
        return bool(self._of(plural))

    def release_watches(self) -> None:
        """Pass on what was held, and everything from now on."""
        self._holds = ""
        for stream in tuple(self._streams):
            self._loop.call_soon_threadsafe(stream.flowing.set)

    def end_watches(self, plural: str, last_words: bytes = b"") -> None:
        """Say this to the open watches of these resources ("" for all) and close them."""
        self._holds = ""
        for stream in self._of(plural):
            self._loop.call_soon_threadsafe(stream.end, last_words)

    def travel_in_time(self) -> None:
        """Answer the next list of each kind as it was first answered."""
        self._past = dict(self._lists)

    def _of(self, plural: str) -> list[_Stream]:
        return [s for s in tuple(self._streams) if s.path.endswith(plural)]

    async def serve(self, started: threading.Event, stop: asyncio.Event) -> None:
        """Serve until stopped."""
        self._loop = asyncio.get_running_loop()
        context = ssl.create_default_context(cafile=str(self._plane.authority))
        connector = aiohttp.TCPConnector(ssl=context, limit=0)
        timeout = aiohttp.ClientTimeout(total=None)
        app = web.Application(client_max_size=2**24)
        app.router.add_route("*", "/{path:.*}", self._handle)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        async with aiohttp.ClientSession(
            connector=connector, timeout=timeout, auto_decompress=False
        ) as self._session:
            await runner.setup()
            site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=self._own_certificate())
            await site.start()
            self.port = runner.addresses[0][1]
            started.set()
            await stop.wait()
            await runner.cleanup()

    def _own_certificate(self) -> ssl.SSLContext:
        """The API server's: clients of the proxy trust whom they trust without it."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self._plane.authority, self._plane.root / "apiserver.key")
        return context

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        fault = self._fault(request)
        await asyncio.sleep(fault.delay_seconds)
        if fault.before is not None:
            fault.before()
            return web.Response(status=503)
        if fault.resets:
            return self._reset(request)
        if fault.status is not None:
            self._note(request, body, fault.status)
            return web.Response(status=fault.status, headers=fault.headers)
        if (past := self._take_past(request)) is not None:
            return web.Response(body=past, content_type="application/json")
        try:
            return await self._forward(request, body, fault)
        except (aiohttp.ClientError, ConnectionError):
            return web.Response(status=503)

    def _fault(self, request: web.Request) -> Fault:
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if self.required_token not in (None, token):
            return Fault(status=401)
        watches = "watch" in request.query
        special = self.watch_rule(request.method, request.path) if watches else None
        return special or self.rule(request.method, request.path) or Fault()

    @staticmethod
    def _reset(request: web.Request) -> web.Response:
        if request.transport is not None:
            request.transport.abort()
        return web.Response(status=503)

    def _note(self, request: web.Request, body: bytes, status: int, answer: bytes = b"") -> None:
        if not is_write(request.method, request.path):
            return
        seen = SeenWrite(
            at=time.monotonic(),
            method=request.method,
            path=request.path,
            query=dict(request.query),
            body=body,
            status=status,
            answer=answer,
        )
        self.writes.append(seen)

    def _take_past(self, request: web.Request) -> bytes | None:
        return self._past.pop(request.raw_path, None) if _is_list(request) else None

    def _headers(self, request: web.Request) -> dict[str, str]:
        headers = {k: v for k, v in request.headers.items() if k.lower() not in _HOP_HEADERS}
        if self.required_token is not None:
            headers["Authorization"] = f"Bearer {self._plane.token}"
        if _is_list(request):
            headers["Accept-Encoding"] = "identity"  # kept, and given to others later
        return headers

    async def _forward(self, request: web.Request, body: bytes, fault: Fault) -> web.StreamResponse:
        url = f"{self._plane.url}{request.raw_path}"
        async with self._session.request(
            request.method, url, data=body or None, headers=self._headers(request)
        ) as upstream:
            kept = {k: v for k, v in upstream.headers.items() if k.lower() not in _HOP_HEADERS}
            response = web.StreamResponse(status=upstream.status, headers=kept)
            if "watch" in request.query and upstream.ok:
                return await self._stream(request, upstream, response)
            answer = await upstream.read()
            self._note(request, body, upstream.status, answer)
            if _is_list(request) and upstream.ok:
                self._lists.setdefault(request.raw_path, answer)
            if fault.after is not None:
                fault.after()
            if fault.loses_answer:
                return self._reset(request)
            if "Content-Encoding" in upstream.headers:
                response.headers["Content-Encoding"] = upstream.headers["Content-Encoding"]
            await response.prepare(request)
            await response.write(answer)
            await response.write_eof()
            return response

    async def _stream(
        self, request: web.Request, upstream: aiohttp.ClientResponse, response: web.StreamResponse
    ) -> web.StreamResponse:
        await response.prepare(request)
        stream = _Stream(request.path, upstream)
        if self._holds and request.path.endswith(self._holds):
            stream.flowing.clear()
        self._open.add(upstream)
        self._streams.add(stream)
        try:
            with suppress(aiohttp.ClientError):
                await _pump(upstream, response, stream)
            if stream.last_words is not None:
                await response.write(stream.last_words)
            await response.write_eof()
        finally:
            self._open.discard(upstream)
            self._streams.discard(stream)
        return response


async def _pump(
    upstream: aiohttp.ClientResponse, response: web.StreamResponse, stream: _Stream
) -> None:
    async for chunk in upstream.content.iter_any():
        await stream.flowing.wait()
        if stream.last_words is not None:
            return
        await response.write(chunk)


def _is_list(request: web.Request) -> bool:
    """Whether it reads a watched kind whole; lists of metadata are quorum reads and never old."""
    return (
        request.method == "GET"
        and "watch" not in request.query
        and "limit" in request.query
        and "/namespaces/" not in request.path
        and "PartialObject" not in request.headers.get("Accept", "")
    )


@contextmanager
def fault_proxy(plane: ControlPlane) -> Iterator[FaultProxy]:
    """A running proxy, in a thread of its own."""
    proxy = FaultProxy(plane)
    started = threading.Event()
    handles: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    async def main() -> None:
        stop = asyncio.Event()
        handles.append((asyncio.get_running_loop(), stop))
        await proxy.serve(started, stop)

    thread = threading.Thread(target=lambda: asyncio.run(main()), daemon=True)
    thread.start()
    assert started.wait(10)
    try:
        yield proxy
    finally:
        loop, stop = handles[0]
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
