"""A reverse proxy in front of a test's API server that fails requests as a test says."""

import asyncio
import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
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


Rule = Callable[[str, str], Fault | None]
"""From method and path to a fault; called in the proxy's thread."""


def is_write(method: str, path: str) -> bool:
    """Whether a request changes something other than a lease."""
    return method in _WRITES and "/leases" not in path


class FaultProxy:
    """Forwards to the API server; `rule` decides what fails."""

    def __init__(self, plane: ControlPlane) -> None:
        """Nothing listens yet."""
        self.rule: Rule = lambda _method, _path: None
        self.port = 0
        self._plane = plane
        self._session: aiohttp.ClientSession
        self._loop: asyncio.AbstractEventLoop
        self._open: set[aiohttp.ClientResponse] = set()

    def kubeconfig(self, folder: Path, token: str | None = None) -> Path:
        """A kubeconfig that leads through the proxy."""
        config = self._plane.kubeconfig_for(token or self._plane.token)
        config["clusters"] = [
            {"name": "test", "cluster": {"server": f"http://127.0.0.1:{self.port}"}}
        ]
        path = folder / "proxied-kubeconfig"
        path.write_text(json.dumps(config))
        return path

    def cut(self) -> None:
        """Break every request that is being answered now: watches above all."""

        def close() -> None:
            for upstream in tuple(self._open):
                upstream.close()

        self._loop.call_soon_threadsafe(close)

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
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            self.port = runner.addresses[0][1]
            started.set()
            await stop.wait()
            await runner.cleanup()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        fault = self.rule(request.method, request.path) or Fault()
        body = await request.read()
        if fault.before is not None:
            fault.before()
            return web.Response(status=503)
        if fault.status is not None:
            return web.Response(status=fault.status, headers=fault.headers)
        try:
            return await self._forward(request, body, fault)
        except (aiohttp.ClientError, ConnectionError):
            return web.Response(status=503)

    async def _forward(self, request: web.Request, body: bytes, fault: Fault) -> web.StreamResponse:
        headers = {k: v for k, v in request.headers.items() if k.lower() not in _HOP_HEADERS}
        url = f"{self._plane.url}{request.raw_path}"
        async with self._session.request(
            request.method, url, data=body or None, headers=headers
        ) as upstream:
            kept = {k: v for k, v in upstream.headers.items() if k.lower() not in _HOP_HEADERS}
            response = web.StreamResponse(status=upstream.status, headers=kept)
            if fault.after is not None:
                await upstream.read()
                fault.after()
            await response.prepare(request)
            self._open.add(upstream)
            try:
                async for chunk in upstream.content.iter_any():
                    await response.write(chunk)
                await response.write_eof()
            finally:
                self._open.discard(upstream)
            return response


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
