"""What the scaling loop looks at: every ModelDeployment's serving pods, from the watch cache."""

from collections.abc import Callable, Iterable, Iterator
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
from trifocal.optimizer.contract import CapacityPoint
from trifocal.reconcile.children import condition, instant, is_deleting, named, uid_of
from trifocal.reconcile.kept_images import settled_request
from trifocal.reconcile.observe import children
from trifocal.reconcile.observed import Manifest, Observed
from trifocal.reconcile.queue import Key
from trifocal.reconcile.revisions import Revision, read_revision
from trifocal.settings import Settings

Parse = Callable[[Manifest], ModelDeployment]


class ScalingTargets:
    """Reads targets from the cache; parsed objects are kept until they change."""

    def __init__(self, cache: Cache, parse: Parse, settings: Settings) -> None:
        self._cache = cache
        self._parse = parse
        self._settings = settings
        self._parsed: dict[str, tuple[str, ModelDeployment, str]] = {}

    def __call__(self) -> Iterator[ScaleTarget]:
        """Every ModelDeployment that serves."""
        bodies = self._cache.of_kind(KIND)
        alive = {uid_of(body) for body in bodies}
        self._parsed = {uid: kept for uid, kept in self._parsed.items() if uid in alive}
        for body in bodies:
            if not is_deleting(body):
                yield from self._target(body)

    def _target(self, body: Manifest) -> Iterable[ScaleTarget]:
        try:
            md, observed, digest = self._known(body)
        except InvalidSpec:
            return
        serving = _serving(md, observed)
        if md.spec.suspend or serving is None:
            return
        yield ScaleTarget(
            key=md.key,
            scaling=md.spec.scaling,
            model=md.metadata.name,
            pods=tuple(_addresses(serving)),
            replicas=serving.replicas,
            capacity=_capacity(observed, digest),
            batching=md.spec.serving.batching,
            instances=md.spec.serving.instances,
            balancing=_balancing(md),
            cold_start_seconds=_cold_start(md, serving),
            gpus=md.spec.serving.accelerator.count if md.spec.serving.accelerator else 0,
        )

    def _known(self, body: Manifest) -> tuple[ModelDeployment, Observed, str]:
        """The object, its children, and the digest of the request that its optimization answers.

        Parsing and hashing cost more than the rest of a pass. A result is recorded before the
        status that tells of it, so the digest is looked for again when it may be another one.
        """
        uid, version = uid_of(body), str(body["metadata"]["resourceVersion"])
        kept = self._parsed.get(uid)
        if kept is not None and kept[0] == version:
            return kept[1], children(self._cache, kept[1]), kept[2]
        md = self._parse(body)
        observed = children(self._cache, md)
        _, digest = settled_request(md, observed, self._settings)
        self._parsed[uid] = version, md, digest
        return md, observed, digest


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


def _capacity(observed: Observed, digest: str) -> tuple[CapacityPoint, ...]:
    """What the Job measured for this spec; another artifact may still serve for a moment."""
    result = observed.results.get(digest)
    return result.capacity if result is not None else ()


class Decisions:
    """The scaler's last word on each object; wakes the object when it is another one."""

    def __init__(self, wake: Callable[[Key], None]) -> None:
        self._wake = wake
        self._last: dict[Key, ScaleDecision] = {}

    def publish(self, key: Key, decision: ScaleDecision) -> None:
        """Take a decision; new numbers alone are left for the next pass."""
        before = self._last.get(key)
        self._last[key] = decision
        if before is None or _word(before) != _word(decision):
            self._wake(key)

    def __call__(self, key: Key) -> ScaleDecision | None:
        """The last decision, if there was one."""
        return self._last.get(key)

    def forget(self, key: Key) -> None:
        """The object is gone; a namesake starts without a decision."""
        self._last.pop(key, None)


def _word(decision: ScaleDecision) -> tuple[int, str]:
    return decision.replicas, decision.reason
