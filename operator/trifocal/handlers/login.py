"""kopf's login: our own session, so that kopf rotates tokens as our client does, with back-off.

kopf closes the session on a 401 and logs in again at once. Without a wait, a short hiccup of the
API server's authentication costs hundreds of logins a second (3430 in 12 s were measured), each
with a new list of everything.
"""

import asyncio
from collections.abc import Awaitable, Callable

import aiohttp
import kopf

from trifocal.kube.access import Access, open_session

CONNECTIONS = 32
"""One watch for each kind, and lists beside them."""
FIRST_WAIT_SECONDS = 1.0
LONGEST_WAIT_SECONDS = 5.0
"""A login costs one refused request for each kind, so even a long trouble costs a few requests a
second; and the watches are back within 10 s of its end."""
QUIET_SECONDS = 120.0
"""A login this long after the last one is a first one again."""


class Login:
    """Opens a session for each login that kopf asks for, later and later while they fail."""

    def __init__(
        self,
        access: Access,
        middleware: aiohttp.ClientMiddlewareType,
        *,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._access = access
        self._middleware = middleware
        self._clock = clock
        self._sleep = sleep
        self._in_a_row = 0
        self._last: float | None = None
        self._session: aiohttp.ClientSession | None = None
        self._closed_at: float | None = None

    async def open(self, **_: object) -> kopf.AiohttpSession:
        """Kopf's login handler; kopf owns and closes the session."""
        self._session, self._closed_at = None, None
        await self._sleep(self.wait_seconds())
        self._last = self._clock()
        self._session = open_session(
            self._access, connections=CONNECTIONS, middlewares=(self._middleware,)
        )
        return kopf.AiohttpSession(server=self._access.server, aiohttp_session=self._session)

    def abandoned_seconds(self) -> float:
        """For how long, as seen by calling this, kopf has had no session and asked for none."""
        if self._session is None or not self._session.closed:
            self._closed_at = None
            return 0.0
        if self._closed_at is None:
            self._closed_at = self._clock()
        return self._clock() - self._closed_at

    def wait_seconds(self) -> float:
        """How long this login has to wait: nothing, then 1 s, doubling to 5 s."""
        if self._last is None or self._clock() - self._last > QUIET_SECONDS:
            self._in_a_row = 0
            return 0.0
        self._in_a_row += 1
        return min(LONGEST_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2.0 ** (self._in_a_row - 1))
