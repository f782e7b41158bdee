"""The user of the benchmark: creates, changes and deletes many objects at once, and watches."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any, Self

import aiohttp

from benchmarks.reconcile.objects import Manifest
from tests.support.control_plane import ControlPlane
from trifocal.kube.kinds import MODEL_DEPLOYMENT, Kind

SIDE_BY_SIDE = 32
"""Requests at once, as in the measurements that the prototype's rate comes from."""
USER_AGENT = "bench-user/1"
MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
_METADATA = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
_PAGE = 500

Address = tuple[str, str]
"""Namespace and name."""
Satisfied = Callable[[Manifest], bool]


class Client:
    """The administrator's connection to a test's API server."""

    def __init__(self, session: aiohttp.ClientSession, server: str) -> None:
        self._session = session
        self._server = server

    @classmethod
    @asynccontextmanager
    async def of(cls, plane: ControlPlane) -> AsyncIterator[Self]:
        """A client that is closed with the block."""
        context = ssl.create_default_context(cafile=str(plane.authority))
        headers = {"Authorization": f"Bearer {plane.token}", "User-Agent": USER_AGENT}
        connector = aiohttp.TCPConnector(limit=SIDE_BY_SIDE + 1, ssl=context)
        timeout = aiohttp.ClientTimeout(total=None, connect=60)
        async with aiohttp.ClientSession(
            connector=connector, headers=headers, timeout=timeout, read_bufsize=2**21
        ) as session:
            yield cls(session, plane.url)

    async def create(self, kind: Kind, manifest: Manifest) -> None:
        """POST one object."""
        path = kind.path(manifest["metadata"]["namespace"])
        await self._send("POST", path, json.dumps(manifest), "application/json")

    async def patch(
        self, kind: Kind, address: Address, change: Manifest, content_type: str, part: str = ""
    ) -> None:
        """PATCH one object, or a subresource of it such as `/status`."""
        path = kind.path(*address) + part
        await self._send("PATCH", path, json.dumps(change), content_type)

    async def delete(self, kind: Kind, address: Address) -> None:
        """DELETE one object; its children are the garbage collector's."""
        await self._send("DELETE", kind.path(*address), None, "application/json")

    async def names(self, kind: Kind, selector: str) -> list[Address]:
        """(namespace, name) of all objects of a kind with these labels."""
        found: list[Address] = []
        query = {"labelSelector": selector, "limit": str(_PAGE)}
        while True:
            page = await self._get(kind.path(None), query, _METADATA)
            # An empty list of metadata says "items": null.
            items = page.get("items") or ()
            found += [(i["metadata"]["namespace"], i["metadata"]["name"]) for i in items]
            token = page["metadata"].get("continue")
            if not token:
                return found
            query = {**query, "continue": token}

    async def until(self, satisfied: Satisfied, addresses: Iterable[Address]) -> None:
        """Return once each of these ModelDeployments has been seen satisfied."""
        missing = set(addresses)
        while missing:
            async for event, obj in self._watch(MODEL_DEPLOYMENT):
                if event in {"ADDED", "MODIFIED"} and satisfied(obj):
                    missing.discard((obj["metadata"]["namespace"], obj["metadata"]["name"]))
                if not missing:
                    return

    async def _watch(self, kind: Kind) -> AsyncIterator[tuple[str, Manifest]]:
        """What there is as ADDED, then every change, until the server ends the watch."""
        url = self._server + kind.path(None)
        async with self._session.get(url, params={"watch": "1"}) as response:
            response.raise_for_status()
            async for line in response.content:
                event = json.loads(line)
                yield event["type"], event["object"]

    async def _get(self, path: str, query: dict[str, str], accept: str) -> dict[str, Any]:
        async with self._session.get(
            self._server + path, params=query, headers={"Accept": accept}
        ) as response:
            response.raise_for_status()
            answer: dict[str, Any] = await response.json()
            return answer

    async def _send(self, method: str, path: str, body: str | None, content_type: str) -> None:
        async with self._session.request(
            method, self._server + path, data=body, headers={"Content-Type": content_type}
        ) as response:
            if not response.ok:
                raise RuntimeError(f"{method} {path}: {response.status} {await response.text()}")


async def side_by_side(calls: Iterable[Callable[[], Awaitable[None]]]) -> None:
    """Make all calls, so many at a time."""
    waiting = iter(calls)

    async def work() -> None:
        for call in waiting:
            await call()

    async with asyncio.TaskGroup() as tasks:
        for _ in range(SIDE_BY_SIDE):
            tasks.create_task(work())
