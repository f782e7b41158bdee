"""Keeps the cache true where watches do not: before they start, and after they had a gap.

kopf reports no deletion for an object that vanished while a watch was down (its re-list only shows
what is left), and a watch that silently stalls reports nothing at all. Comparing the cache with a
list of metadata repairs both.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass

import structlog

from trifocal.kube.cache import Cache, Name
from trifocal.kube.client import Kube, Manifest
from trifocal.kube.errors import ApiError, Gone
from trifocal.kube.kinds import MODEL_DEPLOYMENT, WATCHED, Kind, kind_named, selector_of
from trifocal.kube.packed import version

PREFILL_RETRY_SECONDS = 2.0
"""Between attempts while the API server does not answer or the CRD is not installed."""

LAG_SECONDS = 5.0
"""How long a watch may be behind a list before what it missed is fetched."""

SWEEP_SECONDS = 600.0
"""Every kind is swept this often, however quiet its watch is."""

SETTLE_SECONDS = 2.0
"""After the last object of a list."""

RETRY_SECONDS = 15.0
"""After a failed sweep: the API server is in trouble, and one line a kind is enough of a log."""

TICK_SECONDS = 1.0

Changed = Callable[[str, Manifest], None]
"""Told the kind and the object (as last known) of each difference that was found."""

_log = structlog.get_logger(__name__)


async def prefill(
    kube: Kube, cache: Cache, sleep: Callable[[float], Awaitable[None]]
) -> Mapping[str, str]:
    """List everything before the first pass: a pass without its children would make them again.

    Returns:
        For each kind, the resource version from which on a watch misses nothing.
    """
    versions = {}
    for kind in WATCHED:
        while (version := await _try_fill(kube, cache, kind)) is None:
            await sleep(PREFILL_RETRY_SECONDS)
        versions[kind.name] = version
    return versions


async def _try_fill(kube: Kube, cache: Cache, kind: Kind) -> str | None:
    listed = ""
    try:
        async for page in kube.pages(kind.name, label_selector=selector_of(kind)):
            listed = page.version
            for obj in page.items:
                cache.upsert(kind.name, obj)
    except Gone:
        what = "Install the CRDs of Trifocal (crds/)." if kind is MODEL_DEPLOYMENT else ""
        _log.warning("kind is not served; waiting", kind=kind.name, next_step=what)
        return None
    except ApiError as error:
        _log.warning("could not list; waiting", kind=kind.name, error=str(error))
        return None
    return listed


async def sweep(
    kube: Kube,
    cache: Cache,
    kind: str,
    changed: Changed,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> int:
    """Remove what no longer exists and fetch what the watch missed; the number of both.

    Objects that were cached after the list began are left alone: the list may be older.
    """
    before = cache.uids(kind)
    listed = {each.uid: each async for each in _listed(kube, kind)}
    ghosts = [address for address, uid in before.items() if uid not in listed]
    for address in ghosts:
        ghost = cache.get(kind, *address)
        if ghost is None or ghost["metadata"]["uid"] != before[address]:
            continue
        if cache.remove(kind, ghost):
            changed(kind, ghost)
    behind = [o for o in listed.values() if _is_behind(cache, kind, o)]
    if not behind:
        return len(ghosts)
    await sleep(LAG_SECONDS)
    missed = [o for o in behind if _is_behind(cache, kind, o)]
    for obj in missed:
        await _fetch(kube, cache, kind, obj, changed)
    return len(ghosts) + len(missed)


@dataclass(frozen=True, slots=True)
class _Listed:
    """What a sweep needs of an object."""

    uid: str
    address: Name
    version: int


async def _listed(kube: Kube, kind: str) -> AsyncIterator[_Listed]:
    selector = selector_of(kind_named(kind))
    async for page in kube.pages(kind, label_selector=selector, metadata_only=True):
        for obj in page.items:
            metadata = obj["metadata"]
            address = metadata["namespace"], metadata["name"]
            yield _Listed(metadata["uid"], address, version(obj))


async def _fetch(kube: Kube, cache: Cache, kind: str, listed: _Listed, changed: Changed) -> None:
    fresh = await kube.get(kind, *listed.address)
    if fresh is not None and cache.upsert(kind, fresh):
        changed(kind, fresh)


def _is_behind(cache: Cache, kind: str, listed: _Listed) -> bool:
    cached = cache.version(kind, *listed.address)
    return cached is None or cached < listed.version


class Sweeper:
    """Sweeps a kind some seconds after it was listed, and every kind from time to time."""

    def __init__(
        self, kube: Kube, cache: Cache, changed: Changed, *, clock: Callable[[], float]
    ) -> None:
        self._kube = kube
        self._cache = cache
        self._changed = changed
        self._clock = clock
        self._due = {kind.name: clock() + SWEEP_SECONDS for kind in WATCHED}

    def listed(self, kind: str) -> None:
        """The kind was listed just now; sweep it when its events have all arrived.

        May be called from another thread: it replaces one value.
        """
        self._due[kind] = self._clock() + SETTLE_SECONDS

    async def run(self) -> None:
        """Sweep for ever."""
        while True:
            for kind in self.due():
                await self._sweep(kind)
            await asyncio.sleep(TICK_SECONDS)

    def due(self) -> tuple[str, ...]:
        """Kinds to be swept now."""
        now = self._clock()
        return tuple(kind for kind, due in self._due.items() if due <= now)

    async def _sweep(self, kind: str) -> None:
        self._due[kind] = self._clock() + SWEEP_SECONDS
        try:
            repaired = await sweep(self._kube, self._cache, kind, self._changed)
        except ApiError as error:
            self._due[kind] = self._clock() + RETRY_SECONDS
            _log.warning("sweep failed", kind=kind, error=str(error))
            return
        if repaired:
            _log.info("the watch had missed changes", kind=kind, count=repaired)
