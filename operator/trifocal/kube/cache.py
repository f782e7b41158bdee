"""The objects that are watched, in memory: by name and by owner. No I/O.

Three sources write here: the first list, the watches, and the answers to our own writes (so that
the next pass sees them at once). They arrive in any order; resource versions decide.
"""

from collections import OrderedDict, defaultdict
from collections.abc import Callable, Mapping
from itertools import count
from typing import Any, TypeAlias

from trifocal.kube.client import Manifest
from trifocal.kube.kept import kept
from trifocal.kube.packed import Packed, packed, unpacked, version

Name: TypeAlias = tuple[str, str]
"""Namespace and name."""

REMEMBERED_DELETIONS = 10_000
"""uids of deleted objects that are kept, so that a late answer cannot revive them."""


class Cache:
    """Watched objects. Do not change what it returns."""

    def __init__(self, stored: Callable[[str, Manifest], Manifest] = kept) -> None:
        """Nothing is known yet; `stored` makes of a kind and an object what is to be kept of it."""
        self._stored = stored
        self._objects: dict[str, dict[Name, Packed]] = defaultdict(dict)
        self._children: dict[str, set[tuple[str, Name]]] = defaultdict(set)
        self._deleted: OrderedDict[str, None] = OrderedDict()
        self._changes = count(1)
        self._changed: dict[str, int] = {}

    def upsert(self, kind: str, obj: Manifest) -> bool:
        """Store a version of an object; True if it says anything new.

        Older versions and deleted objects are ignored: Kubernetes documents resource versions
        of one kind as comparable integers since 1.35, and they always were with etcd.
        """
        metadata = obj["metadata"]
        address = metadata["namespace"], metadata["name"]
        before = self._objects[kind].get(address)
        if metadata["uid"] in self._deleted or (before and version(obj) <= before.version):
            return False
        self._unlink(kind, address, before)
        stored = self._stored(kind, obj)
        entry = packed(stored)
        self._objects[kind][address] = entry
        for owner in entry.owners:
            self._children[owner].add((kind, address))
        is_news = before is None or _essence(unpacked(before)) != _essence(stored)
        if is_news:
            self._mark(entry.uid, *_owners(before), *entry.owners)
        return is_news

    def remove(self, kind: str, obj: Manifest) -> bool:
        """Forget a deleted object; True if it was known. A namesake with another uid stays."""
        metadata = obj["metadata"]
        address = metadata["namespace"], metadata["name"]
        self._deleted[metadata["uid"]] = None
        if len(self._deleted) > REMEMBERED_DELETIONS:
            self._deleted.popitem(last=False)
        before = self._objects[kind].get(address)
        if before is None or before.uid != metadata["uid"]:
            return False
        del self._objects[kind][address]
        self._unlink(kind, address, before)
        self._changed.pop(metadata["uid"], None)
        self._mark(None, *_owners(before))
        return True

    def get(self, kind: str, namespace: str, name: str) -> Manifest | None:
        """The object, or None."""
        entry = self._objects[kind].get((namespace, name))
        return None if entry is None else unpacked(entry)

    def uids(self, kind: str) -> Mapping[Name, str]:
        """The uid of each object of a kind, as it is now: cheap, where `get` makes an object."""
        return {address: entry.uid for address, entry in self._objects[kind].items()}

    def version(self, kind: str, namespace: str, name: str) -> int | None:
        """The object's resource version, or None where there is none."""
        entry = self._objects[kind].get((namespace, name))
        return None if entry is None else entry.version

    def owned_by(self, uid: str, kind: str) -> tuple[Manifest, ...]:
        """Objects of a kind that name this owner, sorted by name."""
        return tuple(
            unpacked(self._objects[kind][address])
            for found, address in sorted(self._children.get(uid, ()))
            if found == kind
        )

    def changed(self, uid: str) -> int:
        """When the object last changed, or one that names it as owner; 0 for one that is not here.

        A number without a meaning but this: while it is the same, so are they.
        """
        return self._changed.get(uid, 0)

    def _mark(self, uid: str | None, *owners: str) -> None:
        """Owners that are not here are left out: they count as changed when they come."""
        change = next(self._changes)
        if uid is not None:
            self._changed[uid] = change
        self._changed |= {owner: change for owner in owners if owner in self._changed}

    def _unlink(self, kind: str, address: Name, before: Packed | None) -> None:
        for owner in _owners(before):
            children = self._children[owner]
            children.discard((kind, address))
            if not children:
                del self._children[owner]


def _owners(entry: Packed | None) -> tuple[str, ...]:
    return () if entry is None else entry.owners


def _essence(obj: Manifest) -> dict[str, Any]:
    metadata = {k: v for k, v in obj["metadata"].items() if k != "resourceVersion"}
    return {**obj, "metadata": metadata}
