"""From a watch event to a key on the queue: update the cache, find whose it is, add it.

A list shows up as events without a type. It may stand for a gap in the watch, so the kind is
swept afterwards (`trifocal.kube.resync`).
"""

from collections.abc import Callable

from trifocal.api.names import NAME_LABEL
from trifocal.api.schema import KIND
from trifocal.kube.cache import Cache
from trifocal.kube.client import Manifest
from trifocal.reconcile.queue import Key


class Intake:
    """Where every watch event ends."""

    def __init__(
        self,
        cache: Cache,
        *,
        add: Callable[[Key], None],
        listed: Callable[[str], None],
        seen: Callable[[str], None],
    ) -> None:
        """Connect the watches.

        Args:
            cache: brought up to date.
            add: given the key of each ModelDeployment that something changed for.
            listed: given a kind that was listed, once for each of its objects.
            seen: given the kind of each event.
        """
        self._cache = cache
        self._add = add
        self._listed = listed
        self._seen = seen

    def receive(self, kind: str, event: str | None, obj: Manifest) -> None:
        """Take one event in."""
        self._seen(kind)
        if event is None:
            self._listed(kind)
        if event == "DELETED":
            changed = self._cache.remove(kind, obj)
        else:
            changed = self._cache.upsert(kind, obj)
        if changed:
            self.notify(kind, obj)

    def notify(self, kind: str, obj: Manifest) -> None:
        """Have the object's ModelDeployment looked at."""
        if (key := owner_key(kind, obj)) is not None:
            self._add(key)


def owner_key(kind: str, obj: Manifest) -> Key | None:
    """The ModelDeployment that an object belongs to: itself, its controller, or as labelled."""
    metadata = obj["metadata"]
    namespace: str = metadata["namespace"]
    if kind == KIND:
        return namespace, metadata["name"]
    for owner in metadata.get("ownerReferences") or ():
        if owner["kind"] == KIND:
            return namespace, owner["name"]
    name = (metadata.get("labels") or {}).get(NAME_LABEL)
    return (namespace, name) if name else None
