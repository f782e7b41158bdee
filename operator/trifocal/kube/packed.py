"""How a watched object lies in memory: as bytes, beside what is looked up most. Pure."""

import marshal
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from trifocal.kube.client import Manifest

AT_HAND = 256
"""Objects that are kept unpacked: a pass looks two or three times at a dozen, and 16 are made side
by side."""


@dataclass(frozen=True, slots=True)
class Packed:
    """One version of an object.

    As dictionaries, what belongs to one model takes 125 KiB, as bytes 27 (`python -m
    benchmarks.reconcile.memory`), and the garbage collector, which stops every thread while it
    looks into each dictionary, has nothing to look into.
    """

    uid: str
    version: int
    owners: tuple[str, ...]
    """uids of its owners."""
    content: bytes


def packed(obj: Manifest) -> Packed:
    """The object as bytes. JSON values only, as they come from the API server."""
    metadata = obj["metadata"]
    return Packed(
        uid=metadata["uid"],
        version=version(obj),
        owners=tuple(owner["uid"] for owner in metadata.get("ownerReferences") or ()),
        content=marshal.dumps(dict(obj)),
    )


def unpacked(entry: Packed) -> Manifest:
    """The object. Do not change it: others may be given the same one."""
    return _unpacked(entry.content)


@lru_cache(maxsize=AT_HAND)
def _unpacked(content: bytes) -> dict[str, Any]:
    obj: dict[str, Any] = marshal.loads(content)  # noqa: S302 - made here, in this process
    return obj


def version(obj: Manifest) -> int:
    """The object's resource version as a number."""
    return int(obj["metadata"]["resourceVersion"])
