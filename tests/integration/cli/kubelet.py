"""A kubelet's port-forward, over the protocol that kubelets speak, to ports of this machine.

As in Kubernetes' k8s.io/kubelet, pkg/cri/streaming/portforward/websocket.go: two channels for a
port, data and errors; each begins with a frame that holds the port in two bytes, low byte first.
The API server in front of it is real, and so are its authorization and its proxy.
"""

import asyncio
import json
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from aiohttp import WSMsgType, web

from tests.support.control_plane import free_ports
from tests.support.tenant import Tenant

PROTOCOL = "v4.channel.k8s.io"


@contextmanager
def kubelet(certificate: Path, key: Path, ports: Mapping[int, int]) -> Iterator[int]:
    """Its own port; pods' ports are those of this machine that they are mapped to."""
    (port,) = free_ports(1)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    app = web.Application()

    async def handle(request: web.Request) -> web.WebSocketResponse:
        return await _forward(request, ports)

    app.router.add_get("/portForward/{namespace}/{pod}", handle)
    app.router.add_get("/portForward/{namespace}/{pod}/{uid}", handle)
    runner = web.AppRunner(app, shutdown_timeout=1)

    async def start() -> None:
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port, ssl_context=context).start()

    try:
        asyncio.run_coroutine_threadsafe(start(), loop).result(30)
        yield port
    finally:
        asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result(30)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _forward(request: web.Request, ports: Mapping[int, int]) -> web.WebSocketResponse:
    socket = web.WebSocketResponse(protocols=[PROTOCOL])
    await socket.prepare(request)
    asked = int(request.query["port"])
    for channel in (0, 1):
        await socket.send_bytes(bytes([channel]) + asked.to_bytes(2, "little"))
    if asked not in ports:
        await socket.send_bytes(b"\x01" + f"nothing listens on port {asked}".encode())
        await socket.close()
        return socket
    reader, writer = await asyncio.open_connection("127.0.0.1", ports[asked])

    async def down() -> None:
        with suppress(ConnectionError):
            while data := await reader.read(65536):
                await socket.send_bytes(b"\x00" + data)
            await socket.close()

    task = asyncio.create_task(down())
    async for message in socket:
        if message.type is WSMsgType.BINARY and message.data[0] == 0:
            writer.write(message.data[1:])
            await writer.drain()
    writer.close()
    task.cancel()
    return socket


@contextmanager
def node(tenant: Tenant, name: str, port: int) -> Iterator[None]:
    """A node whose kubelet listens there; the API server dials it."""
    manifest = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}}
    tenant.plane.must("create", "-f", "-", stdin=json.dumps(manifest))
    status = {
        "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": port}},
    }
    try:
        tenant.set_status("node", name, status)
        yield
    finally:
        # Other tests share the API server, and count its nodes.
        tenant.plane.must("delete", "node", name)
