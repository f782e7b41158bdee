"""One ModelDeployment with all that belongs to it, as the operator would see it, read once."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

from trifocal.api import names
from trifocal.api.manifest import InvalidSpec, object_meta, parse
from trifocal.api.modeldeployment import ModelDeployment
from trifocal.api.schema import KIND
from trifocal.cli.session import no_such
from trifocal.kube.cache import Cache
from trifocal.kube.client import Kube, Manifest
from trifocal.kube.kept import whole
from trifocal.kube.kinds import OWNED
from trifocal.reconcile.children import uid_of
from trifocal.reconcile.observe import MAX_SUBJECTS, children, subjects
from trifocal.reconcile.observed import Observed


@dataclass(frozen=True, kw_only=True)
class Seen:
    """The object, its children, and what was reported about both."""

    body: Manifest
    """As the API server has it, managedFields included."""
    md: ModelDeployment | None
    """None where the spec is older than a rule that it breaks."""
    observed: Observed
    events: tuple[Manifest, ...] = ()
    """Core events about the object, its Jobs and Deployments, and pods that wait; any order."""

    @property
    def status(self) -> Manifest:
        """Empty before the operator has spoken."""
        return self.body.get("status") or {}

    @property
    def optimization(self) -> Manifest:
        """What the status says of it; empty before it says anything."""
        return self.status.get("optimization") or {}

    @property
    def revision(self) -> Manifest:
        """What the status says of the revisions; likewise."""
        return self.status.get("revision") or {}


async def see(kube: Kube, namespace: str, name: str, *, events: bool = False) -> Seen | None:
    """Read it; None when there is no such object.

    Raises:
        ApiError: the API server refuses, or is away.
    """
    body = await kube.get(KIND, namespace, name)
    if body is None:
        return None
    selector = f"{names.NAME_LABEL}={name}"
    found = await asyncio.gather(
        *(kube.list(kind.name, namespace, label_selector=selector) for kind in OWNED)
    )
    seen = seen_in(body, {kind.name: objects for kind, objects in zip(OWNED, found, strict=True)})
    if not events:
        return seen
    return Seen(
        body=body,
        md=seen.md,
        observed=seen.observed,
        events=await _events(kube, namespace, _subjects(seen)),
    )


async def must_see(kube: Kube, namespace: str, name: str, *, events: bool = False) -> Seen:
    """The same, where there has to be one.

    Raises:
        ApiError: the API server refuses, or is away.
        Unanswered: there is no such object.
    """
    seen = await see(kube, namespace, name, events=events)
    if seen is None:
        raise no_such(namespace, name)
    return seen


def seen_in(body: Manifest, objects: dict[str, tuple[Manifest, ...]]) -> Seen:
    """What of these objects, by kind, belongs to that one: the operator's own rule."""
    cache = Cache(whole)
    for kind, found in objects.items():
        for each in found:
            cache.upsert(kind, each)
    try:
        md: ModelDeployment | None = parse(body)
    except InvalidSpec:
        md = None
    # Children are found by the object's uid alone, whatever its spec is.
    owner = ModelDeployment.model_construct(metadata=object_meta(body))  # type: ignore[call-arg]
    return Seen(body=body, md=md, observed=children(cache, owner))


def _subjects(seen: Seen) -> tuple[Manifest, ...]:
    observed = seen.observed
    waiting = subjects(observed)[:MAX_SUBJECTS]
    owners = (*observed.jobs, *observed.deployments, *observed.replica_sets)
    found = {uid_of(each): each for each in (seen.body, *owners, *waiting)}
    return tuple(found.values())


async def _events(kube: Kube, namespace: str, about: Iterable[Manifest]) -> tuple[Manifest, ...]:
    found = await asyncio.gather(
        *(
            kube.list("Event", namespace, field_selector=f"involvedObject.uid={uid_of(subject)}")
            for subject in about
        )
    )
    return tuple(event for events in found for event in events)
