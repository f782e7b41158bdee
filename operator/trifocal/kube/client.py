"""The Kubernetes API as Trifocal uses it: a Protocol that fakes implement.

Every method raises the three errors of `trifocal.kube.errors`, and nothing else, when the
server does not do as asked.
"""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

Manifest = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Page:
    """A part of a list."""

    items: tuple[Manifest, ...]
    version: str
    """The resource version of the whole list, the same in each of its pages: a watch that begins
    there misses nothing."""


class Kube(Protocol):
    """Reads and writes of one cluster. Every write is idempotent."""

    async def apply(self, manifest: Manifest) -> Manifest:
        """Server-side apply with Trifocal's field manager, taking over conflicts.

        A `metadata.uid` or `metadata.resourceVersion` in the manifest is a precondition.
        """

    async def apply_status(self, manifest: Manifest) -> Manifest:
        """Server-side apply of the status subresource."""

    async def get(self, kind: str, namespace: str, name: str) -> Manifest | None:
        """Quorum read; None when it does not exist."""

    async def list(
        self,
        kind: str,
        namespace: str | None = None,
        *,
        label_selector: str = "",
        field_selector: str = "",
    ) -> tuple[Manifest, ...]:
        """Quorum list, paged; over all namespaces when none is given."""

    def pages(
        self, kind: str, *, label_selector: str = "", metadata_only: bool = False
    ) -> AsyncIterator[Page]:
        """Quorum list over all namespaces, a page at a time: the whole need not fit in memory."""

    async def delete(self, kind: str, namespace: str, name: str, *, uid: str) -> None:
        """Delete in the background if the uid still matches; gone already is success."""

    async def create(self, manifest: Manifest) -> Manifest:
        """Create, refused if it exists (a Lease; children are applied)."""
