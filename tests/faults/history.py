"""Everything that happened in one namespace, as an independent client saw it: no proxy, no gaps."""

import asyncio
import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import aiohttp

from tests.faults.client import KINDS, Manifest
from tests.support.control_plane import ControlPlane
from trifocal.kube.kinds import WATCHED, Kind

_CLOSING_SECONDS = 0.25
"""Until TLS connections are closed after their session; aiohttp's documents ask for it."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """One version of one object."""

    version: int
    """etcd's revision, one count for all kinds: it orders the changes of all objects."""
    type: str
    """ADDED, MODIFIED or DELETED."""
    kind: str
    obj: Manifest

    @property
    def name(self) -> str:
        """metadata.name."""
        return str(self.obj["metadata"]["name"])

    @property
    def uid(self) -> str:
        """metadata.uid."""
        return str(self.obj["metadata"]["uid"])


class History:
    """The changes of every watched kind in a namespace, from its beginning."""

    def __init__(self, plane: ControlPlane, namespace: str) -> None:
        """Nothing is watched yet."""
        self._plane = plane
        self._namespace = namespace
        self._changes: list[Change] = []

    def changes(self) -> tuple[Change, ...]:
        """What was seen so far, in the order in which it happened."""
        return tuple(sorted(self._changes, key=lambda change: change.version))

    async def watch(self, opened: threading.Semaphore) -> None:
        """Watch until cancelled."""
        context = ssl.create_default_context(cafile=str(self._plane.authority))
        headers = {"Authorization": f"Bearer {self._plane.token}"}
        async with aiohttp.ClientSession(
            self._plane.url,
            headers=headers,
            connector=aiohttp.TCPConnector(ssl=context, limit=0),
            timeout=aiohttp.ClientTimeout(total=None),
            read_bufsize=2**21,
        ) as session:
            await asyncio.gather(*(self._follow(session, kind, opened) for kind in WATCHED))

    async def _follow(
        self, session: aiohttp.ClientSession, kind: Kind, opened: threading.Semaphore
    ) -> None:
        query = {"watch": "true", "resourceVersion": "0"}
        async with session.get(kind.path(self._namespace), params=query) as answer:
            answer.raise_for_status()
            opened.release()
            async for line in answer.content:
                self._note(kind.name, json.loads(line))
        raise RuntimeError(f"The harness lost its own watch of {kind.plural}.")

    def _note(self, kind: str, event: dict[str, Any]) -> None:
        obj = event["object"]
        if event["type"] == "ERROR":
            raise RuntimeError(f"The harness's own watch of {kind} failed: {obj}")
        whole = {**obj, "kind": kind, "apiVersion": KINDS[kind].api_version}
        version = int(obj["metadata"]["resourceVersion"])
        self._changes.append(Change(version=version, type=event["type"], kind=kind, obj=whole))


@contextmanager
def history(plane: ControlPlane, namespace: str) -> Iterator[History]:
    """A running history, in a thread of its own."""
    seen = History(plane, namespace)
    opened = threading.Semaphore(0)
    handles: list[tuple[asyncio.AbstractEventLoop, asyncio.Task[None]]] = []

    async def main() -> None:
        task = asyncio.create_task(seen.watch(opened))
        handles.append((asyncio.get_running_loop(), task))
        with suppress(asyncio.CancelledError):
            await task
        await asyncio.sleep(_CLOSING_SECONDS)

    thread = threading.Thread(target=lambda: asyncio.run(main()), daemon=True)
    thread.start()
    assert all(opened.acquire(timeout=30) for _ in WATCHED)
    try:
        yield seen
    finally:
        loop, task = handles[0]
        loop.call_soon_threadsafe(task.cancel)
        thread.join(10)
