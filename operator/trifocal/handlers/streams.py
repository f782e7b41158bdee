"""Which watches are alive, as seen from the requests that kopf makes and the bytes that come.

kopf tells handlers nothing of bookmarks, reconnections or dead watchers, and a failed login leaves
it running without any watch. Its requests cannot lie: a stream that is well brings a bookmark a
minute, one that is silent is opened anew after 70 s, and a refused one is tried again for ever.
"""

from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp

from trifocal.kube.kinds import WATCHED

DEAD_SECONDS = 180.0
"""A kind whose watch brought nothing and was not even tried for this long, over twice of what kopf
allows a silent stream, is not watched any more."""

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

    async def middleware(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        """For kopf's session: sees each request, its answer, and what a watch brings."""
        kind = _KINDS.get(request.url.path)
        if kind is None:
            return await handler(request)
        self._note(kind)
        response = await handler(request)
        if response.ok and "watch" not in request.url.query:
            self._listed(kind)
        elif response.ok:
            self._opened.add(kind)
            response.content = _Heard(response.content, lambda: self._note(kind))  # type: ignore[assignment]
        return response

    def _note(self, kind: str) -> None:
        self._alive[kind] = self._clock()

    def unopened(self) -> tuple[str, ...]:
        """Kinds whose watch has never been open."""
        return tuple(kind for kind in self._alive if kind not in self._opened)

    def dead(self) -> tuple[str, ...]:
        """Kinds whose watcher neither brings anything nor tries to."""
        now = self._clock()
        return tuple(kind for kind, at in self._alive.items() if now - at > DEAD_SECONDS)


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
