"""A client that writes only while its process leads.

A leader that was stopped (SIGSTOP, a frozen machine) wakes up in the middle of a pass, before
its election notices the time. Asking the clock before every write closes that window.
"""

from collections.abc import Callable

from trifocal.kube.client import Kube, Manifest
from trifocal.kube.lease import LeadershipLost


class Fenced:
    """`Kube`, whose writes raise LeadershipLost once the lease is no longer held."""

    def __init__(self, kube: Kube, held: Callable[[], bool]) -> None:
        self._kube = kube
        self._held = held
        self.get = kube.get
        self.list = kube.list
        self.list_metadata = kube.list_metadata

    async def apply(self, manifest: Manifest) -> Manifest:
        """See `Kube.apply`."""
        self._check()
        return await self._kube.apply(manifest)

    async def apply_status(self, manifest: Manifest) -> Manifest:
        """See `Kube.apply_status`."""
        self._check()
        return await self._kube.apply_status(manifest)

    async def delete(self, kind: str, namespace: str, name: str, *, uid: str) -> None:
        """See `Kube.delete`."""
        self._check()
        await self._kube.delete(kind, namespace, name, uid=uid)

    async def create(self, manifest: Manifest) -> Manifest:
        """See `Kube.create`."""
        self._check()
        return await self._kube.create(manifest)

    def _check(self) -> None:
        if not self._held():
            raise LeadershipLost("The lease is no longer held: nothing was written.")
