"""The client-side rate limit: a token bucket that the server's Retry-After also closes."""

import asyncio
from collections.abc import Awaitable, Callable


class TokenBucket:
    """Lets `burst` requests pass at once and `qps` per second in the long run, in order."""

    def __init__(
        self,
        *,
        qps: float,
        burst: int,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._qps = qps
        self._burst = burst
        self._tokens = float(burst)
        self._refilled_at = clock()

    def reserve(self) -> float:
        """Take a token; the answer is how many seconds from now it may be used."""
        now = self._clock()
        if now > self._refilled_at:
            gained = (now - self._refilled_at) * self._qps
            self._tokens = min(float(self._burst), self._tokens + gained)
            self._refilled_at = now
        self._tokens -= 1
        return max(0.0, self._refilled_at - now - min(self._tokens, 0.0) / self._qps)

    def pause(self, seconds: float) -> None:
        """Let nothing pass for this time: the server asked for it."""
        self._tokens = min(self._tokens, 0.0)
        self._refilled_at = max(self._refilled_at, self._clock() + seconds)

    async def wait(self) -> None:
        """Return when the caller's turn has come."""
        if delay := self.reserve():
            await self._sleep(delay)
