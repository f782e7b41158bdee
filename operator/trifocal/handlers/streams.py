"""Which watches are alive, as seen from the requests that kopf makes and the bytes that come.

kopf tells handlers nothing of bookmarks, reconnections or dead watchers, and a failed login leaves
it running without any watch. Its requests cannot lie: a stream that is well brings a bookmark a
minute, one that is silent is opened anew after 70 s, and a refused one is tried again for ever.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from http import HTTPStatus
from typing import Any

import aiohttp
from yarl import URL

from trifocal.kube.kinds import WATCHED

DEAD_SECONDS = 180.0
"""A kind whose watch brought nothing and was not even tried for this long, over twice of what kopf
allows a silent stream, is not watched any more."""

NOBODY = "metadata.namespace=default,metadata.name=trifocal.nobody"
"""A field selector that fits no object. The API server looks up one key for it, and does not search
through all of a kind."""

_KINDS = {kind.path(None): kind.name for kind in WATCHED}


class Streams:
    """Notes when each kind's watch was last tried or heard, and whether it ever opened."""

    def __init__(
        self, clock: Callable[[], float], listed: Callable[[str], None] = lambda _kind: None
    ) -> None:
        """Nothing has been tried yet; `listed` is told each kind that was, in kopf's thread."""
        self._clock = clock
        self._listed = listed
        self._alive = dict.fromkeys(_KINDS.values(), clock())
        self._opened: set[str] = set()
        self._begin: dict[str, str] = {}

    def begin(self, versions: Mapping[str, str]) -> None:
        """Have kopf's first watch of these kinds begin at these resource versions.

        kopf can only watch from where a list of its own ended. What is known already would be sent,
        parsed and handed on a second time at each start: half of what a restart costs.
        """
        self._begin = {kind: version for kind, version in versions.items() if version}

    async def middleware(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        """For kopf's session: sees each request, its answer, and what a watch brings."""
        kind = _KINDS.get(request.url.path)
        if kind is None:
            return await handler(request)
        self._note(kind)
        is_watch = "watch" in request.url.query
        if not is_watch and (version := self._begin.pop(kind, None)):
            return await self._list_nothing(version, request, handler)
        response = await handler(request)
        if response.ok and not is_watch:
            self._listed(kind)
        elif response.ok:
            self._opened.add(kind)
            response.content = _Heard(response.content, lambda: self._note(kind))  # type: ignore[assignment]
        return response

    async def _list_nothing(
        self, version: str, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        asked, request.url = request.url, nothing_at(request.url, version)
        response = await handler(request)
        if response.status != HTTPStatus.GONE:
            return response
        # The version is older than what the API server keeps, some five minutes.
        response.close()
        request.url = asked
        return await self.middleware(request, handler)

    def _note(self, kind: str) -> None:
        self._alive[kind] = self._clock()

    def unopened(self) -> tuple[str, ...]:
        """Kinds whose watch has never been open."""
        return tuple(kind for kind in self._alive if kind not in self._opened)

    def dead(self) -> tuple[str, ...]:
        """Kinds whose watcher neither brings anything nor tries to."""
        now = self._clock()
        return tuple(kind for kind, at in self._alive.items() if now - at > DEAD_SECONDS)


def nothing_at(url: URL, version: str) -> URL:
    """The same list at this version, without an object in it."""
    exact = {"resourceVersion": version, "resourceVersionMatch": "Exact"}
    return url.update_query({"fieldSelector": NOBODY, **exact})


class _Heard:
    """The body of a watch, which tells of each piece as kopf reads it."""

    def __init__(self, content: aiohttp.StreamReader, heard: Callable[[], None]) -> None:
        self._content = content
        self._heard = heard

    async def iter_chunked(self, size: int) -> AsyncIterator[bytes]:
        async for piece in self._content.iter_chunked(size):
            self._heard()
            yield piece

    def __getattr__(self, name: str) -> Any:
        return getattr(self._content, name)
