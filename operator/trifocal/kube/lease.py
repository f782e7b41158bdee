"""Leader election by a Lease: one process writes, the others wait with warm caches.

kubernetes.aio.leaderelection was weighed and left: it neither gives the lease back on exit nor
bounds a hanging renewal, it measures with the wall clock, and a network error ends it.

The rules are client-go's: a follower takes the lease over when it has not seen it change for the
lease's duration on its own clock, so clocks need not agree. A Lease does not fence: writes are
idempotent, and `Fence` stops a leader that was asleep.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from trifocal.kube.client import Kube, Manifest
from trifocal.kube.errors import ApiError

LEASE_NAME = "trifocal-operator"
"""In the operator's own namespace."""
RELEASED_SECONDS = 1
"""Duration written when giving the lease back; client-go's value."""


@dataclass(frozen=True, kw_only=True)
class Timing:
    """Seconds; the defaults are those of client-go and kube-controller-manager, but one."""

    duration: float = 15.0
    renew_deadline: float = 10.0
    retry: float = 2.0
    look: float = 1.0
    """Between a follower's looks, for which client-go uses `retry`: a lease that was given back is
    found in half the time, for one small read a second."""


class LeadershipLost(Exception):  # noqa: N818 - an outcome that ends the work, not an error
    """The lease could not be renewed in time or is another's: this process must not write."""


@dataclass(frozen=True, kw_only=True)
class Clock:
    """Time as the election needs it."""

    monotonic: Callable[[], float]
    wall: Callable[[], datetime]
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep


class Election:
    """One candidate for one Lease."""

    def __init__(
        self,
        kube: Kube,
        *,
        lease: tuple[str, str],
        identity: str,
        clock: Clock,
        timing: Timing = Timing(),
    ) -> None:
        self._kube = kube
        self._namespace, self._name = lease
        self._identity = identity
        self._clock = clock
        self._timing = timing
        self._seen: tuple[str, float] = "", clock.monotonic()
        self._renewed_at: float | None = None

    def held(self) -> bool:
        """Whether this process may write now: it renewed within the renew deadline."""
        return self.age() < self._timing.renew_deadline

    def age(self) -> float:
        """Seconds since the last successful renewal; infinite for a follower."""
        if self._renewed_at is None:
            return float("inf")
        return self._clock.monotonic() - self._renewed_at

    async def acquire(self) -> None:
        """Return when this process leads; until then it is a follower."""
        self._renewed_at = None
        while not await self._try(allowed_seconds=self._timing.renew_deadline):
            await self._clock.sleep(self._timing.look)

    async def keep(self) -> None:
        """Renew for ever.

        Raises:
            LeadershipLost: no renewal succeeded within the renew deadline, or another leads.
        """
        while True:
            await self._clock.sleep(self._timing.retry)
            left = self._timing.renew_deadline - self.age()
            if left > 0 and await self._try(allowed_seconds=left):
                continue
            if not self.held():
                raise LeadershipLost(
                    f"The lease {self._namespace}/{self._name} was not renewed for "
                    f"{self._timing.renew_deadline:g} s; another process may lead now."
                )

    async def release(self) -> None:
        """Give the lease back, so that a follower need not wait for it to expire."""
        if not self.held():
            return
        # Before the request: another may lead before its answer arrives here.
        self._renewed_at = None
        lease = await self._kube.get("Lease", self._namespace, self._name)
        if lease is not None and _holder(lease) == self._identity:
            await self._kube.apply(self._manifest(lease, holder="", seconds=RELEASED_SECONDS))

    async def _try(self, *, allowed_seconds: float) -> bool:
        started_at = self._clock.monotonic()
        try:
            async with asyncio.timeout(allowed_seconds):
                won = await self._take_or_renew()
        except (ApiError, TimeoutError):
            return False
        # From before the request: the server may have counted from then. A lease that is seen to
        # be another's is lost at once, however long it could still have been kept.
        self._renewed_at = started_at if won else None
        return won

    async def _take_or_renew(self) -> bool:
        lease = await self._kube.get("Lease", self._namespace, self._name)
        seconds = int(self._timing.duration)
        if lease is None:
            await self._kube.create(self._manifest(None, holder=self._identity, seconds=seconds))
            return True
        version = lease["metadata"]["resourceVersion"]
        if version != self._seen[0]:
            self._seen = version, self._clock.monotonic()
        if _holder(lease) not in ("", self._identity) and not self._expired(lease):
            return False
        # The resource version makes the loser of a race fail with a conflict.
        await self._kube.apply(self._manifest(lease, holder=self._identity, seconds=seconds))
        return True

    def _expired(self, lease: Manifest) -> bool:
        seconds = lease["spec"].get("leaseDurationSeconds") or self._timing.duration
        return self._clock.monotonic() - self._seen[1] > seconds

    def _manifest(self, lease: Manifest | None, *, holder: str, seconds: int) -> Manifest:
        metadata: dict[str, Any] = {"namespace": self._namespace, "name": self._name}
        before: Mapping[str, Any] = {}
        if lease is not None:
            metadata["resourceVersion"] = lease["metadata"]["resourceVersion"]
            before = lease.get("spec") or {}
        now = self._clock.wall().strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        same = before.get("holderIdentity") == holder
        return {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": metadata,
            "spec": {
                "holderIdentity": holder,
                "leaseDurationSeconds": seconds,
                "acquireTime": before.get("acquireTime") if same else now,
                "renewTime": now,
                "leaseTransitions": int(before.get("leaseTransitions") or 0)
                + (0 if same or lease is None else 1),
            },
        }


def _holder(lease: Manifest) -> str:
    return (lease.get("spec") or {}).get("holderIdentity") or ""
