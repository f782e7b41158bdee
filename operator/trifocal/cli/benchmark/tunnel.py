"""A pod's port as one of this machine, through the API server: Kubernetes' port-forward.

The protocol is kubelet's `v4.channel.k8s.io`, over a WebSocket for each connection: every frame
begins with a channel, 0 for data and 1 for errors, and the first frame of each channel holds the
port (k8s.io/kubelet, pkg/cri/streaming/portforward/websocket.go). kr8s, kube.rs and the Python
client speak it, too. It has no half-close: who has sent all keeps the connection open.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import aiohttp

from trifocal.kube.access import Access, open_session
from trifocal.kube.client import Manifest
from trifocal.kube.kinds import kind_named

_PROTOCOL = "v4.channel.k8s.io"
_DATA, _ERROR = 0, 1
_CHUNK = 64 * 1024
_CONNECTIONS = 1000
"""To the API server, one for each connection to a pod."""
_CONNECT_SECONDS = 10.0
_ENDED = (ConnectionError, aiohttp.ClientError)
"""How writing to a side that has gone ends."""


@dataclass(kw_only=True)
class Tunnel:
    """Where the pod's port is reached."""

    address: str
    """Host and port of this machine."""
    trouble: str | None = None
    """What the API server or the kubelet said last."""


@asynccontextmanager
async def opened_tunnels(
    access: Access, pods: tuple[Manifest, ...], port: int
) -> AsyncIterator[tuple[Tunnel, ...]]:
    """One for each pod; connections are made when they are asked for."""
    servers: list[asyncio.Server] = []
    async with open_session(access, connections=_CONNECTIONS) as session:
        try:
            tunnels = []
            for pod in pods:
                tunnel, server = await _listen(session, _url(access, pod), port)
                tunnels.append(tunnel)
                servers.append(server)
            yield tuple(tunnels)
        finally:
            for server in servers:
                server.close()


def _url(access: Access, pod: Manifest) -> str:
    metadata = pod["metadata"]
    path = kind_named("Pod").path(metadata["namespace"], metadata["name"])
    return f"{access.server.rstrip('/')}{path}/portforward"


async def _listen(
    session: aiohttp.ClientSession, url: str, port: int
) -> tuple[Tunnel, asyncio.Server]:
    tunnel = Tunnel(address="")

    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await _forward(session, (url, port), tunnel, reader, writer)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            tunnel.trouble = _told(error)
        finally:
            writer.close()

    server = await asyncio.start_server(forward, "127.0.0.1", 0)
    host, local = server.sockets[0].getsockname()[:2]
    tunnel.address = f"{host}:{local}"
    return tunnel, server


async def _forward(
    session: aiohttp.ClientSession,
    pod: tuple[str, int],
    tunnel: Tunnel,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
) -> None:
    url, port = pod
    async with asyncio.timeout(_CONNECT_SECONDS):
        socket = await session.ws_connect(
            url, params={"ports": port}, protocols=(_PROTOCOL,), max_msg_size=0
        )
    async with socket, asyncio.TaskGroup() as group:
        # Whichever side ends first ends the other one.
        up = group.create_task(_up(reader, socket))
        down = group.create_task(_down(socket, writer, tunnel))
        await asyncio.wait((up, down), return_when=asyncio.FIRST_COMPLETED)
        up.cancel()
        down.cancel()


async def _up(reader: asyncio.StreamReader, socket: aiohttp.ClientWebSocketResponse) -> None:
    with suppress(*_ENDED):
        while data := await reader.read(_CHUNK):
            await socket.send_bytes(bytes((_DATA,)) + data)


async def _down(
    socket: aiohttp.ClientWebSocketResponse, writer: asyncio.StreamWriter, tunnel: Tunnel
) -> None:
    begun: set[int] = set()
    with suppress(*_ENDED):
        async for message in socket:
            if message.type is not aiohttp.WSMsgType.BINARY or not message.data:
                continue
            channel, data = message.data[0], message.data[1:]
            if channel not in begun:
                begun.add(channel)
            elif channel == _DATA:
                writer.write(data)
                await writer.drain()
            elif channel == _ERROR:
                tunnel.trouble = data.decode(errors="replace").strip()
                return


def _told(error: Exception) -> str:
    if isinstance(error, aiohttp.WSServerHandshakeError):
        return f"The API server refuses the port-forward ({error.status} {error.message})."
    return f"The API server cannot be reached ({type(error).__name__}: {error})."
