"""What would become of a ModelDeployment with another spec: the operator's own plan. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from trifocal.api import names
from trifocal.api.manifest import parse
from trifocal.api.modeldeployment import ModelDeployment
from trifocal.cli.digests import short
from trifocal.cli.durations import said
from trifocal.cli.plan.effects import Change, Ground, changes
from trifocal.cli.seen import Seen
from trifocal.reconcile.assessment import Assessment
from trifocal.reconcile.children import condition, instant, name_of
from trifocal.reconcile.observed import Observed
from trifocal.reconcile.optimizing import Optimization, Stage
from trifocal.reconcile.plan import Plan, plan
from trifocal.reconcile.trouble import sentence
from trifocal.resources.products import optimized_for

_HOUR = timedelta(hours=1)


@dataclass(frozen=True, kw_only=True)
class Write:
    """One write of the operator's next pass."""

    verb: str
    """creates, changes or deletes."""
    kind: str
    name: str


@dataclass(frozen=True, kw_only=True)
class Prospect:
    """The answer for one object."""

    namespace: str
    name: str
    is_new: bool
    changes: tuple[Change, ...]
    optimization: str
    """What becomes of it, in a sentence."""
    optimizes: bool
    """Whether a Job would run."""
    gpu_hours: float
    """The most that this Job may take; 0 without one or without GPU."""
    revision: str
    pods: str
    next_pass: tuple[Write, ...]
    """What it would write, without what it would write for the present spec as well."""


def prospect(before: Seen | None, after: Mapping[str, Any], ground: Ground) -> Prospect:
    """What the operator would do.

    Args:
        before: The object as it is, with a valid spec; None where there is none.
        after: The body that the API server would store.
        ground: The children of `before`, the operator's settings, and the time.

    Raises:
        InvalidSpec: `after` breaks a rule that the API server cannot check.
    """
    md = parse(after)
    new = ground.assess(md)
    old = ground.assess(before.md) if before is not None and before.md is not None else None
    made = _plan(md, ground)
    anyway = _plan(before.md, ground) if before is not None and before.md is not None else Plan()
    runs = _runs(md, new.optimization, old)
    return Prospect(
        namespace=md.metadata.namespace,
        name=md.metadata.name,
        is_new=before is None,
        changes=() if before is None else changes(before.body, after, ground),
        optimization=_optimization(md, new.optimization, old, ground, runs=runs),
        optimizes=runs,
        gpu_hours=_gpu_hours(md) if runs else 0.0,
        revision=_revision(new, old),
        pods=_pods(md, new, old),
        next_pass=tuple(_writes(_only_in(made, anyway), ground.observed)),
    )


def _plan(md: ModelDeployment, ground: Ground) -> Plan:
    return plan(md, ground.observed, ground.settings, ground.now)


def _only_in(made: Plan, anyway: Plan) -> Plan:
    """What the change causes: drift that is repaired anyway is none of it."""
    return Plan(
        apply=tuple(each for each in made.apply if each not in anyway.apply),
        delete=tuple(each for each in made.delete if each not in anyway.delete),
    )


def _runs(md: ModelDeployment, found: Optimization, old: Assessment | None) -> bool:
    """Whether a Job would start that does not run already."""
    if md.spec.suspend:
        return False
    is_same = old is not None and old.optimization.digest == found.digest
    starts_over = found.stage in {Stage.MOVED, Stage.OUTDATED, Stage.LOST}
    return starts_over or (found.stage is Stage.TO_START and not is_same)


def _optimization(
    md: ModelDeployment,
    found: Optimization,
    old: Assessment | None,
    ground: Ground,
    *,
    runs: bool,
) -> str:
    request = short(found.digest)
    if found.trouble is not None:
        return f"request {request} is held: {sentence(found.trouble.message)}"
    if runs:
        return f"a Job works on request {request}; {_cost(md, ground.observed)}"
    if old is not None and old.optimization.digest == found.digest:
        return f"stays as it is (request {request})"
    if found.stage is Stage.DONE:
        return f"none: the result of request {request} is kept from an earlier time"
    return f"request {request}, once it is no longer suspended"


def _cost(md: ModelDeployment, observed: Observed) -> str:
    limit = said(timedelta(seconds=md.spec.optimization.job.deadline_seconds))
    hours = _gpu_hours(md)
    device = f" ({hours:.3g} GPU hours)" if hours else ""
    took = [f"the last one took {said(length)}" for length in _lengths(observed)]
    return ", ".join((f"it may take {limit}{device} at most", *took[-1:]))


def _gpu_hours(md: ModelDeployment) -> float:
    """One GPU for as long as the Job may run; an ONNX model is optimized on CPUs.

    Of several products each has a Job; one that is added to others may cost less than is told.
    """
    if md.spec.optimization.served.runtime != "tensorrt":
        return 0.0
    engines = len(optimized_for(md))
    return engines * timedelta(seconds=md.spec.optimization.job.deadline_seconds) / _HOUR


def _lengths(observed: Observed) -> Iterator[timedelta]:
    for job in observed.jobs:
        status = job.get("status", {})
        if condition(job, "Complete") and "startTime" in status and "completionTime" in status:
            yield instant(status["completionTime"]) - instant(status["startTime"])


def _revision(new: Assessment, old: Assessment | None) -> str:
    serving = new.rollout.serving
    if new.revision_hash is None:
        meanwhile = f"; {serving.hash} serves until then" if serving else ""
        return f"told when the optimization is done{meanwhile}"
    wanted = new.revision_hash[: names.HASH_LENGTH]
    if old is not None and old.revision_hash == new.revision_hash:
        return f"stays as it is ({wanted})"
    if serving is None:
        return f"{wanted} starts, and gets the traffic when it is proved"
    return f"{wanted} starts beside {serving.hash}, and gets the traffic when it is proved"


def _pods(md: ModelDeployment, new: Assessment, old: Assessment | None) -> str:
    who = "spec.scaling decides" if md.spec.scaling is not None else "spec.replicas decides"
    if old is None or old.desired == new.desired:
        return f"{new.desired} ({who})"
    return f"{old.desired} -> {new.desired} ({who})"


def _writes(made: Plan, observed: Observed) -> Iterator[Write]:
    live = {(kind, name_of(child)) for kind, child in observed.applied()}
    for manifest in made.apply:
        key = str(manifest["kind"]), name_of(manifest)
        yield Write(verb="changes" if key in live else "creates", kind=key[0], name=key[1])
    for deletion in made.delete:
        yield Write(verb="deletes", kind=deletion.kind, name=deletion.name)
