"""A Service on loopback: a backend for each new TCP connection; established ones are left alone."""

import asyncio
import collections
import contextlib
import itertools
import socket
import struct
import threading
from collections.abc import Iterable, Iterator, Sequence

_RESET = struct.pack("ii", 1, 0)
"""SO_LINGER on, 0 s: closing sends RST."""
_CHUNK = 2**18


class Balancer:
    """Round robin by connection. Ends and resets pass through, as they do with kube-proxy."""

    def __init__(self, ports: Sequence[int]) -> None:
        self.backends = list(ports)
        self.connections: collections.Counter[int] = collections.Counter()
        """Open connections by backend."""
        self._turn = itertools.count()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"

    async def serve(self, stop: asyncio.Event) -> None:
        server = await asyncio.start_server(self._accept, sock=self._listener, limit=_CHUNK)
        async with server:
            await stop.wait()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        port = self.backends[next(self._turn) % len(self.backends)]
        try:
            up_reader, up_writer = await asyncio.open_connection("127.0.0.1", port, limit=_CHUNK)
        except OSError:
            _reset(writer)
            return
        self.connections[port] += 1
        try:
            await asyncio.gather(_copy(reader, up_writer), _copy(up_reader, writer))
        except asyncio.CancelledError:
            for end in (writer, up_writer):
                end.transport.abort()
            raise
        finally:
            self.connections[port] -= 1


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(_CHUNK):
            writer.write(data)
            await writer.drain()
    except OSError:
        _reset(writer)
        return
    with contextlib.suppress(OSError):
        writer.close()


def _reset(writer: asyncio.StreamWriter) -> None:
    connection = writer.get_extra_info("socket")
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    writer.transport.abort()


async def _end_all(tasks: Iterable[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    # One turn more: an aborted connection is closed by a callback.
    await asyncio.sleep(0)


@contextlib.contextmanager
def balanced(ports: Sequence[int]) -> Iterator[Balancer]:
    """A balancer in a thread of its own."""
    balancer = Balancer(ports)
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()
    thread = threading.Thread(target=loop.run_until_complete, args=(balancer.serve(stop),))
    thread.start()
    try:
        yield balancer
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.run_until_complete(_end_all(asyncio.all_tasks(loop)))
        loop.close()
