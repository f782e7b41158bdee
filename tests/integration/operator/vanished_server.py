"""A watch whose server vanishes without a word: prints after how many seconds that is noticed.

To be run in a network namespace of its own, whose loopback interface it takes down.
"""

import asyncio
import subprocess
import sys
import time

import aiohttp

from trifocal.kube.access import Access, open_session

HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n"


class NoToken:
    """Nobody asks who we are."""

    def authorization(self) -> None:
        return None

    async def renew(self) -> None:
        return None


def loopback(state: str) -> None:
    subprocess.run(["ip", "link", "set", "lo", state], check=True)  # noqa: S603, S607 - one of two words


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Begin a watch and say nothing more."""
    await reader.readuntil(b"\r\n\r\n")
    writer.write(HEAD)
    await writer.drain()
    await asyncio.sleep(3600)


async def main() -> None:
    loopback("up")
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    access = Access(server=f"http://127.0.0.1:{port}", ssl_context=False, token=NoToken())
    timeout = aiohttp.ClientTimeout(total=None)
    async with (
        open_session(access, connections=1) as session,
        session.get(access.server, timeout=timeout) as response,
    ):
        assert await response.content.readany() == b"{}"
        loopback("down")
        gone = time.monotonic()
        try:
            await response.content.readany()
        except aiohttp.ClientError:
            sys.stdout.write(f"{time.monotonic() - gone:.1f}\n")


if __name__ == "__main__":
    asyncio.run(main())
