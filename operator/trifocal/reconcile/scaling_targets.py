"""What the scaling loop looks at: every ModelDeployment's serving pods, from the watch cache."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from statistics import median

from trifocal.api.manifest import InvalidSpec
from trifocal.api.modeldeployment import ModelDeployment
from trifocal.api.names import REVISION_LABEL
from trifocal.api.schema import KIND
from trifocal.autoscaling.balancing import Balancing
from trifocal.autoscaling.decision import ScaleDecision
from trifocal.autoscaling.scaler import ScaleTarget
from trifocal.autoscaling.scraper import PodAddress
from trifocal.kube.cache import Cache
from trifocal.reconcile.children import condition, instant, is_deleting, named, uid_of
from trifocal.reconcile.engines import measured
from trifocal.reconcile.observe import children
from trifocal.reconcile.observed import Manifest, Observed
from trifocal.reconcile.queue import Key
from trifocal.reconcile.revisions import Revision, read_revision
from trifocal.reconcile.scaling_report import SLOT, is_news
from trifocal.settings import Settings

Parse = Callable[[Manifest], ModelDeployment]


@dataclass(frozen=True, kw_only=True)
class _Known:
    """What was made of an object, and for how long it holds."""

    seen: Mapping[str, int]
    """When the object and those of its children that own others had last changed, by uid."""
    target: ScaleTarget | None


class ScalingTargets:
    """Reads targets from the cache; they are kept until the object or what it owns changes."""

    def __init__(self, cache: Cache, parse: Parse, settings: Settings) -> None:
        self._cache = cache
        self._parse = parse
        self._settings = settings
        self._known: dict[str, _Known] = {}

    async def __call__(self) -> AsyncIterator[ScaleTarget]:
        """Every ModelDeployment that serves.

        At rest each costs a few look-ups, for the loop comes every five seconds. One that has
        changed costs milliseconds; after a restart that is all of them, and the lease is renewed by
        the same event loop, so it gets a turn after each.
        """
        known = {}
        for key, uid in self._cache.uids(KIND).items():
            if not self._has_changed(uid):
                known[uid] = self._known[uid]
            # It may have gone in somebody else's turn.
            elif (body := self._cache.get(KIND, *key)) is not None:
                known[uid_of(body)] = self._look(body)
                await asyncio.sleep(0)
        self._known = known
        for each in known.values():
            if each.target is not None:
                yield each.target

    def _has_changed(self, uid: str) -> bool:
        known = self._known.get(uid)
        return known is None or any(self._cache.changed(u) != n for u, n in known.seen.items())

    def _look(self, body: Manifest) -> _Known:
        try:
            md = self._parse(body)
        except InvalidSpec:
            return _Known(seen=self._seen(body), target=None)
        observed = children(self._cache, md)
        owners = (*observed.jobs, *observed.deployments, *observed.replica_sets)
        target = None if is_deleting(body) else self._target(md, observed)
        return _Known(seen=self._seen(body, *owners), target=target)

    def _seen(self, *owners: Manifest) -> Mapping[str, int]:
        return {uid: self._cache.changed(uid) for uid in map(uid_of, owners)}

    def _target(self, md: ModelDeployment, observed: Observed) -> ScaleTarget | None:
        serving = _serving(md, observed)
        if md.spec.suspend or serving is None:
            return None
        result = measured(md, observed, self._settings)
        return ScaleTarget(
            key=md.key,
            scaling=md.spec.scaling,
            model=md.metadata.name,
            pods=tuple(_addresses(serving)),
            replicas=serving.replicas,
            # Of this spec; another artifact may still serve for a moment.
            capacity=result.capacity if result is not None else (),
            batching=md.spec.serving.batching,
            instances=md.spec.serving.instances,
            balancing=_balancing(md),
            cold_start_seconds=_cold_start(md, serving),
            gpus=md.spec.serving.accelerator.count if md.spec.serving.accelerator else 0,
        )


def _serving(md: ModelDeployment, observed: Observed) -> Revision | None:
    """The revision that the Service selects, if it has a Deployment."""
    service = named(observed.services, md.metadata.name) or {}
    selected = service.get("spec", {}).get("selector", {}).get(REVISION_LABEL)
    found = read_revision(observed, selected) if selected else None
    return found if found is not None and found.deployment is not None else None


def _addresses(serving: Revision) -> Iterator[PodAddress]:
    for pod in serving.ready:
        if address := pod["status"].get("podIP"):
            name, namespace = pod["metadata"]["name"], pod["metadata"]["namespace"]
            yield PodAddress(uid=uid_of(pod), ip=address, namespace=namespace, name=name)


def _balancing(md: ModelDeployment) -> Balancing:
    shared = md.spec.scaling is not None and md.spec.scaling.balancing == "least-request"
    return "shared" if shared else "blind"


def _cold_start(md: ModelDeployment, serving: Revision) -> float | None:
    measured = cold_start_seconds(serving.ready)
    return _stored_cold_start(md) if measured is None else measured


def cold_start_seconds(ready: Iterable[Manifest]) -> float | None:
    """Median time from a pod's creation until it was ready; None while none has become it.

    The API server's times are whole seconds. A pod that was not ready for a while in between
    looks slow, which is why the median is taken.
    """
    times = [
        (instant(found["lastTransitionTime"]) - instant(created)).total_seconds()
        for pod in ready
        if (found := condition(pod, "Ready")) and "lastTransitionTime" in found
        if (created := pod["metadata"].get("creationTimestamp"))
    ]
    return median(times) if times else None


def _stored_cold_start(md: ModelDeployment) -> float | None:
    """What the last pods took, where none is there to show it: status outlives pods and operator.

    Status keeps two digits, which is all that is known of it anyway.
    """
    inputs = (md.status.get("scaling") or {}).get("inputs") or {}
    stored = inputs.get("coldStartSeconds")
    return float(stored) if isinstance(stored, int | float) else None


class Decisions:
    """The scaler's last word on each object; wakes the object when status should say another."""

    def __init__(self, cache: Cache, wake: Callable[[Key], None]) -> None:
        self._cache = cache
        self._wake = wake
        self._last: dict[Key, ScaleDecision] = {}
        self._woken: dict[Key, datetime] = {}
        """When its numbers last did it."""
        self._told: set[Key] = set()
        """Objects whose status says what was last decided."""

    def publish(self, key: Key, decision: ScaleDecision) -> None:
        """Take a decision. Numbers that status may tell only in turn wake no more often.

        The first one after a restart is news only where status says otherwise.
        """
        before = self._last.get(key)
        self._last[key] = decision
        if before is not None and _word(before) != _word(decision):
            self._told.discard(key)
            self._wake(key)
        elif not (key in self._told and _same(before, decision)):
            self._compare(key, decision)

    def _compare(self, key: Key, decision: ScaleDecision) -> None:
        """With what status says, where its numbers may be told."""
        if not self._may_wake(key, decision.decided_at):
            self._told.discard(key)
        elif self._is_news(key, decision):
            self._told.discard(key)
            self._woken[key] = decision.decided_at
            self._wake(key)
        else:
            self._told.add(key)

    def _may_wake(self, key: Key, now: datetime) -> bool:
        return key not in self._woken or now - self._woken[key] >= SLOT

    def _is_news(self, key: Key, decision: ScaleDecision) -> bool:
        body = self._cache.get(KIND, *key)
        told = ((body or {}).get("status") or {}).get("scaling")
        return body is not None and is_news(told, decision, decision.replicas)

    def __call__(self, key: Key) -> ScaleDecision | None:
        """The last decision, if there was one."""
        return self._last.get(key)

    def forget(self, key: Key) -> None:
        """The object is gone; a namesake starts without a decision."""
        self._last.pop(key, None)
        self._woken.pop(key, None)
        self._told.discard(key)


def _same(before: ScaleDecision | None, decision: ScaleDecision) -> bool:
    return before is not None and replace(decision, decided_at=before.decided_at) == before


def _word(decision: ScaleDecision) -> tuple[int, str]:
    return decision.replicas, decision.reason
