"""Carries a plan out: server-side applies in order, then deletions, with what came of each.

Two guards stand before the API: a name that another's object has is never taken over (server-side
apply would), and nothing is deleted because of something that has meanwhile changed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from trifocal.api import names
from trifocal.api.modeldeployment import ModelDeployment
from trifocal.api.schema import KIND
from trifocal.kube.cache import Cache
from trifocal.kube.client import Kube
from trifocal.kube.errors import Refused, Transient
from trifocal.reconcile.children import is_deleting, is_owned, name_of, named
from trifocal.reconcile.observed import NAME_TAKEN, Manifest, Observed, Refusal
from trifocal.reconcile.plan import Deletion, Plan

NOBODYS_VERSION = "1"
"""etcd's revision before anything is stored, so no object has it. 0 would mean any version."""
SETTLING_SECONDS = 1.0
"""Wait before a pass whose basis had changed is made again."""


class Change(StrEnum):
    """What an apply or deletion did, in kubectl's words."""

    CREATED = "created"
    CONFIGURED = "configured"
    UNCHANGED = "unchanged"
    DELETED = "deleted"


@dataclass(frozen=True, kw_only=True)
class Applied:
    """What came of a plan."""

    changes: Mapping[tuple[str, str], Change]
    """By (kind, name)."""
    refusals: tuple[Refusal, ...] = ()


async def apply(
    kube: Kube, cache: Cache, md: ModelDeployment, observed: Observed, plan: Plan
) -> Applied:
    """Apply and delete; the cache knows the answers afterwards.

    A refused child does not keep the others from being applied, but nothing is deleted then: what
    serves now may be needed still.

    Raises:
        Transient, Gone: the API server did not do it; the pass is to be made again.
    """
    changes: dict[tuple[str, str], Change] = {}
    refusals: list[Refusal] = []
    for manifest in plan.apply:
        try:
            wanted = _from_where_it_was_seen(manifest, observed)
            changes[manifest["kind"], name_of(manifest)] = await _apply(kube, cache, md, wanted)
        except Refused as refused:
            refusals.append(_refusal(manifest, refused))
    if plan.delete and not refusals:
        await _confirm(kube, cache, md, observed, plan)
        for deletion in plan.delete:
            if await _delete(kube, cache, md, deletion):
                changes[deletion.kind, deletion.name] = Change.DELETED
    return Applied(changes=changes, refusals=tuple(refusals))


def _refusal(manifest: Manifest, refused: Refused) -> Refusal:
    return Refusal(
        kind=manifest["kind"],
        name=name_of(manifest),
        reason=refused.reason,
        message=refused.message,
    )


def _from_where_it_was_seen(manifest: Manifest, observed: Observed) -> Manifest:
    """With the Service's version as a precondition: a stale view must not move the traffic."""
    seen = named(observed.services, name_of(manifest)) if manifest["kind"] == "Service" else None
    if seen is None:
        return manifest
    version = {"resourceVersion": seen["metadata"]["resourceVersion"]}
    return {**manifest, "metadata": {**manifest["metadata"], **version}}


async def _apply(kube: Kube, cache: Cache, md: ModelDeployment, manifest: Manifest) -> Change:
    kind, name = manifest["kind"], name_of(manifest)
    live = cache.get(kind, md.metadata.namespace, name)
    if live is None and "resourceVersion" in manifest["metadata"]:
        raise _moved(f"{kind} {name}")
    if live is None:
        try:
            cache.upsert(kind, await kube.apply(_as_new(manifest)))
        except Refused as refused:
            live = await _in_the_way(kube, md, manifest, refused)
        else:
            return Change.CREATED
    return await _update(kube, cache, md, manifest, live)


async def _in_the_way(
    kube: Kube, md: ModelDeployment, manifest: Manifest, refused: Refused
) -> Manifest:
    """What has the name already: the cache is behind, or it is not watched because not ours."""
    if not refused.is_conflict:
        raise refused
    kind, name = manifest["kind"], name_of(manifest)
    live = await kube.get(kind, md.metadata.namespace, name)
    if live is None:
        raise _moved(f"{kind} {name}") from refused
    return live


async def _update(
    kube: Kube, cache: Cache, md: ModelDeployment, manifest: Manifest, live: Manifest
) -> Change:
    _check_ownership(live, md)
    try:
        answer = await kube.apply(_pinned(manifest, live))
    except Refused:
        await _check_existence(kube, cache, live)
        raise
    cache.upsert(manifest["kind"], answer)
    same = answer["metadata"]["resourceVersion"] == live["metadata"]["resourceVersion"]
    return Change.UNCHANGED if same else Change.CONFIGURED


def _as_new(manifest: Manifest) -> Manifest:
    """With the version of nothing as a precondition: it is made, or refused as a conflict.

    The API server compares the version with that of an object that exists only. Looking first
    whether one does would double the requests of a creation.
    """
    return {**manifest, "metadata": {**manifest["metadata"], "resourceVersion": NOBODYS_VERSION}}


def _pinned(manifest: Manifest, live: Manifest) -> Manifest:
    """With the uid as a precondition: neither a namesake nor nothing may be written to."""
    return {**manifest, "metadata": {**manifest["metadata"], "uid": live["metadata"]["uid"]}}


async def _check_existence(kube: Kube, cache: Cache, known: Manifest) -> None:
    """Tell a refusal of the content from one of uid or version: the cache was behind."""
    kind, metadata = known["kind"], known["metadata"]
    live = await kube.get(kind, metadata["namespace"], metadata["name"])
    if live is None or live["metadata"]["uid"] != metadata["uid"]:
        cache.remove(kind, known)
        raise _moved(f"{kind} {metadata['name']}")
    if live["metadata"]["resourceVersion"] != metadata["resourceVersion"]:
        cache.upsert(kind, live)
        raise _moved(f"{kind} {metadata['name']}")


def _check_ownership(live: Manifest, md: ModelDeployment) -> None:
    """Let pass what is ours, or was ours and is an orphan now (deleted with --cascade=orphan)."""
    kind, name = live["kind"], name_of(live)
    if is_deleting(live):
        raise Transient(f"{kind} {name} is being deleted; waiting until it is gone.")
    if is_owned(live, md.metadata.uid):
        return
    labels = live["metadata"].get("labels") or {}
    is_of_this_name = (
        labels.get(names.MANAGED_BY_LABEL) == names.MANAGED_BY
        and labels.get(names.NAME_LABEL) == md.metadata.name
    )
    owners = [o for o in live["metadata"].get("ownerReferences") or () if o.get("controller")]
    if is_of_this_name and not owners:
        return
    if is_of_this_name and all(o["kind"] == KIND for o in owners):
        raise Transient(
            f"{kind} {name} still belongs to an earlier ModelDeployment of this name; waiting "
            "for the garbage collector to delete it."
        )
    raise Refused(
        409,
        NAME_TAKEN,
        f"{kind} {name} exists in this namespace and is not this ModelDeployment's. Delete or "
        "rename it, or give the ModelDeployment another name.",
    )


async def _confirm(
    kube: Kube, cache: Cache, md: ModelDeployment, observed: Observed, plan: Plan
) -> None:
    """Quorum reads before something is destroyed: the spec and the traffic are as planned for."""
    namespace, name = md.key
    fresh = await kube.get(KIND, namespace, name)
    if (
        fresh is None
        or fresh["metadata"]["uid"] != md.metadata.uid
        or fresh["metadata"]["generation"] != md.metadata.generation
    ):
        raise _moved(f"{KIND} {name}")
    for job in (d for d in plan.delete if d.kind == "Job"):
        # What it found may be recorded though it has not been seen: then its work is not repeated.
        result = names.recorded_by(job.name)
        recorded = await kube.get("ConfigMap", namespace, result)
        if recorded is not None and cache.get("ConfigMap", namespace, result) is None:
            raise _moved(f"ConfigMap {result}")
    for service in observed.services:
        live = await kube.get("Service", namespace, name_of(service))
        known = cache.get("Service", namespace, name_of(service))
        if live is None or known is None or _selector(live) != _selector(known):
            raise _moved(f"Service {name_of(service)}")


def _moved(what: str) -> Transient:
    return Transient(
        f"{what} has changed since it was read; the pass is made again.", SETTLING_SECONDS
    )


def _selector(service: Manifest) -> object:
    return service["spec"].get("selector")


async def _delete(kube: Kube, cache: Cache, md: ModelDeployment, deletion: Deletion) -> bool:
    live = await kube.get(deletion.kind, md.metadata.namespace, deletion.name)
    if live is None or live["metadata"]["uid"] != deletion.uid:
        return False
    if not is_owned(live, md.metadata.uid) or is_deleting(live):
        return False
    await kube.delete(deletion.kind, md.metadata.namespace, deletion.name, uid=deletion.uid)
    cache.remove(deletion.kind, live)
    return True
