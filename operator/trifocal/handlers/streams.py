"""Which watches kopf keeps open, as seen from the requests that it makes.

kopf tells handlers nothing of bookmarks, reconnections or dead watchers, and a failed login leaves
it running without any watch. Its requests cannot lie: every watch is opened anew at least every
`CLIENT_SECONDS`, and tried again for ever while the API server is away.
"""

from collections.abc import Callable

import aiohttp

from trifocal.handlers.watches import CLIENT_SECONDS
from trifocal.kube.kinds import WATCHED

DEAD_SECONDS = CLIENT_SECONDS + 120
"""A kind whose watch has not even been tried for this long is not watched any more."""

_KINDS = {kind.path(None): kind.name for kind in WATCHED}


class Streams:
    """Notes when each kind's watch was tried, and whether it ever opened."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._tried = dict.fromkeys(_KINDS.values(), clock())
        self._opened: set[str] = set()

    async def middleware(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        """For kopf's session: sees each request and its answer."""
        kind = _KINDS.get(request.url.path)
        if kind is not None:
            self._tried[kind] = self._clock()
        response = await handler(request)
        if kind is not None and response.ok and "watch" in request.url.query:
            self._opened.add(kind)
        return response

    def unopened(self) -> tuple[str, ...]:
        """Kinds whose watch has never been open."""
        return tuple(kind for kind in self._tried if kind not in self._opened)

    def dead(self) -> tuple[str, ...]:
        """Kinds whose watcher has stopped trying."""
        now = self._clock()
        return tuple(kind for kind, tried in self._tried.items() if now - tried > DEAD_SECONDS)
