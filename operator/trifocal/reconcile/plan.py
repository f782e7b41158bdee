"""What is to be done now: a pure function of the object, what was observed, and the time."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from trifocal.api.modeldeployment import ModelDeployment
from trifocal.reconcile import pruning, waking
from trifocal.reconcile.assessment import Assessment, assess
from trifocal.reconcile.children import is_deleting, name_of, uid_of
from trifocal.reconcile.drift import has_drifted, stamped
from trifocal.reconcile.observed import Manifest, Observed
from trifocal.reconcile.optimizing import Optimization, Stage
from trifocal.reconcile.wanted import Phases
from trifocal.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Deletion:
    """A child to delete; the uid guards against a namesake made since it was read."""

    kind: str
    name: str
    uid: str


@dataclass(frozen=True, kw_only=True)
class SmokeOrder:
    """Ask these pods for the recorded answers before the Service may switch to them."""

    revision: str
    pods: tuple[tuple[str, str], ...]
    """(uid, IP) of each ready pod that has not been checked."""


@dataclass(frozen=True, kw_only=True)
class Basis:
    """What a plan was made from, and what was found in it."""

    md: ModelDeployment
    observed: Observed
    now: datetime
    found: Assessment

    def holds(self, md: ModelDeployment, observed: Observed, now: datetime) -> bool:
        """Whether an assessment of these would find the same."""
        return self.md is md and self.now == now and self.observed == observed


@dataclass(frozen=True, kw_only=True)
class Plan:
    """One pass's work. Empty means that nothing differs from what is wanted."""

    apply: tuple[Manifest, ...] = ()
    """Manifests to server-side apply, in this order."""
    delete: tuple[Deletion, ...] = ()
    smoke: SmokeOrder | None = None
    progress_of: str | None = None
    """IP of the running optimization pod whose progress is worth reading."""
    wanted_revision: str | None = None
    look_again: timedelta | None = None
    """When to pass again without being woken; None means only when something changes."""
    basis: Basis | None = field(default=None, compare=False, repr=False)
    """Spares the status a second assessment where nothing was changed. No part of the work."""


def plan(md: ModelDeployment, observed: Observed, settings: Settings, now: datetime) -> Plan:
    """What this pass applies, deletes and asks.

    Everything is decided from what was observed: nothing is remembered between passes, so a crash
    between any two writes ends in the same state. An object that is being deleted is left to the
    garbage collector, and one that is suspended is left as it is.
    """
    if md.metadata.deleting:
        return Plan()
    found = assess(md, observed, settings, now)
    basis = Basis(md=md, observed=observed, now=now, found=found)
    wanted_revision = found.rollout.wanted.hash if found.rollout.wanted else None
    if md.spec.suspend:
        return Plan(wanted_revision=wanted_revision, basis=basis)
    phases = Phases(md, observed, settings, found, now)
    wanted = phases.wanted()
    return Plan(
        apply=(*_to_apply(wanted, observed), *phases.rescaled()),
        delete=_to_delete(md, observed, found, wanted, now),
        smoke=_smoke_order(found),
        progress_of=_progress_of(found),
        wanted_revision=wanted_revision,
        look_again=waking.look_again(md, observed, found, settings, now),
        basis=basis,
    )


def _to_apply(wanted: tuple[Manifest, ...], observed: Observed) -> tuple[Manifest, ...]:
    live = {(kind, name_of(child)): child for kind, child in observed.applied()}
    with_hash = tuple(stamped(manifest) for manifest in wanted)
    return tuple(m for m in with_hash if _must_apply(m, live.get((m["kind"], name_of(m)))))


def _must_apply(manifest: Manifest, live: Manifest | None) -> bool:
    """Jobs and immutable ConfigMaps are named by their content: there is nothing to repair."""
    if manifest["kind"] == "Job" or manifest.get("immutable"):
        return live is None
    return has_drifted(manifest, live)


def _to_delete(
    md: ModelDeployment,
    observed: Observed,
    found: Assessment,
    wanted: tuple[Manifest, ...],
    now: datetime,
) -> tuple[Deletion, ...]:
    doomed = pruning.superfluous(
        observed,
        owner_uid=md.metadata.uid,
        optimizations=found.optimizations,
        rollout=found.rollout,
        wanted_names=frozenset((m["kind"], name_of(m)) for m in wanted),
        now=now,
    )
    to_start_over = (child for each in found.optimizations for child in _to_start_over(each))
    doomed = (*doomed, *to_start_over)
    return tuple(Deletion(kind=kind, name=name_of(c), uid=uid_of(c)) for kind, c in doomed)


def _to_start_over(optimization: Optimization) -> tuple[tuple[str, Manifest], ...]:
    """A Job that cannot bring what is wanted now, and its request where that is another."""
    if optimization.stage not in {Stage.LOST, Stage.MOVED, Stage.OUTDATED}:
        return ()
    children = [("Job", optimization.job)]
    if optimization.stage is Stage.OUTDATED:
        children.append(("ConfigMap", optimization.request_config_map))
    return tuple(
        (kind, child) for kind, child in children if child is not None and not is_deleting(child)
    )


def _smoke_order(found: Assessment) -> SmokeOrder | None:
    rollout = found.rollout
    pods = tuple(
        (uid_of(pod), str(pod["status"]["podIP"]))
        for pod in rollout.unproven
        if pod["status"].get("podIP")
    )
    if rollout.wanted is None or not rollout.is_rolling or rollout.refused or not pods:
        return None
    return SmokeOrder(revision=rollout.wanted.hash, pods=pods)


def _progress_of(found: Assessment) -> str | None:
    if found.optimization.stage is not Stage.RUNNING:
        return None
    pod = found.optimization.running_pod
    address = pod["status"].get("podIP") if pod else None
    return None if address is None else str(address)
