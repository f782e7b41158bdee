"""The whole wanted status as JSON: a pure function of the same inputs as the plan."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from trifocal.api.condition import ConditionType, Reason
from trifocal.api.manifest import stored_conditions
from trifocal.api.modeldeployment import ModelDeployment
from trifocal.api.rule import Problem
from trifocal.api.status import (
    MAX_CANDIDATES,
    MAX_EDGES,
    MAX_NOTES,
    MAX_TEXT,
    ConditionStatusModel,
    EndpointStatus,
    ModelDeploymentStatus,
    OptimizationStatus,
    RevisionStatus,
    ScalingStatus,
)
from trifocal.optimizer.contract import OptimizationResult
from trifocal.reconcile import verdict
from trifocal.reconcile.assessment import Assessment, assess
from trifocal.reconcile.available import available
from trifocal.reconcile.children import name_of, named
from trifocal.reconcile.conditions import conditions
from trifocal.reconcile.headroom import headroom_status
from trifocal.reconcile.objective import objective_met
from trifocal.reconcile.observed import Manifest, Observed
from trifocal.reconcile.optimized import optimized
from trifocal.reconcile.optimizing import Stage
from trifocal.reconcile.plan import Plan
from trifocal.reconcile.product_report import distinct_pods, product_status
from trifocal.reconcile.revisions import Revision
from trifocal.reconcile.scaling_report import scaling_status
from trifocal.reconcile.summary import summary
from trifocal.reconcile.trouble import Trouble
from trifocal.reconcile.verified import verified
from trifocal.resources.revision import revision_selector, serving_selector
from trifocal.settings import Settings
from trifocal.triton.arguments import GRPC_PORT, HTTP_PORT


def status(
    md: ModelDeployment, observed: Observed, plan: Plan, settings: Settings, now: datetime
) -> Mapping[str, Any]:
    """The status, equal to the stored one when there is nothing new to say.

    It speaks about `observed`; of the plan it takes only what the pass works towards, and what was
    found when it was made from just the same.
    """
    basis = plan.basis
    known = basis.found if basis and basis.holds(md, observed, now) else None
    found = known or assess(md, observed, settings, now)
    serving, wanted = found.rollout.serving, found.rollout.wanted
    shown = serving or wanted
    ready = len(shown.ready) if shown else 0
    scaling = scaling_status(md, found.decision, found.desired, settings, now)
    whole = ModelDeploymentStatus(
        observed_generation=md.metadata.generation,
        conditions=_conditions(md, found, observed, scaling, now),
        optimization=_optimization(md, found, observed),
        revision=RevisionStatus(
            serving=serving.hash if serving else None,
            wanted=plan.wanted_revision,
            triton_image=found.image.reference,
        ),
        replicas=distinct_pods(shown, found.desired) if shown else 0,
        ready_replicas=ready,
        selector=_selector(md, shown),
        scaling=scaling,
        headroom=headroom_status(md, observed),
        products=product_status(md, shown, found, settings),
        endpoint=_endpoint(md, observed),
        summary=summary(md, ready=ready, desired=found.desired, scaling=scaling),
    )
    return _json(whole)


def invalid_status(body: Manifest, problems: Sequence[Problem], now: datetime) -> Mapping[str, Any]:
    """The status of an object that cannot be read: what serves goes on, and the rest is kept.

    The API server refuses such a spec already; this is for an object older than a rule.
    """
    stored = body.get("status") or {}
    generation = int(body["metadata"].get("generation", 1))
    trouble = Trouble(
        reason=Reason.INVALID_SPEC, message=" ".join(str(problem) for problem in problems)
    )
    whole = conditions(
        {ConditionType.OPTIMIZED: verdict.false(trouble)},
        stored=stored,
        generation=generation,
        now=now,
        kept=[c for c in stored_conditions(stored) if c.type is not ConditionType.OPTIMIZED],
    )
    dumped = [c.model_dump(mode="json", by_alias=True) for c in whole]
    return {**stored, "observedGeneration": generation, "conditions": dumped}


def _json(whole: ModelDeploymentStatus) -> Mapping[str, Any]:
    dumped: dict[str, Any] = whole.model_dump(mode="json", by_alias=True, exclude_none=True)
    return dumped


def _conditions(
    md: ModelDeployment,
    found: Assessment,
    observed: Observed,
    scaling: ScalingStatus | None,
    now: datetime,
) -> tuple[ConditionStatusModel, ...]:
    steps = {
        ConditionType.OPTIMIZED: optimized(md, found, observed),
        ConditionType.AVAILABLE: available(md, found, observed, scaling),
        ConditionType.VERIFIED: verified(found, observed),
    }
    if md.spec.suspend:
        steps = {kind: verdict.suspended(step) for kind, step in steps.items()}
    return conditions(
        {**steps, ConditionType.OBJECTIVE_MET: objective_met(md, scaling)},
        stored=md.status,
        generation=md.metadata.generation,
        now=now,
    )


def _optimization(md: ModelDeployment, found: Assessment, observed: Observed) -> OptimizationStatus:
    optimization = found.optimization
    step, percent = _progress(md, found, observed)
    return OptimizationStatus(
        request=optimization.digest,
        job=name_of(optimization.job) if optimization.job else None,
        step=step,
        progress_percent=percent,
        **_outcome(optimization.result),
    )


def _outcome(result: OptimizationResult | None) -> dict[str, Any]:
    """What a Job told: a tenant's container wrote it, so nothing is taken to be short."""
    if result is None:
        return {}
    shown = result.candidates[:MAX_CANDIDATES]
    omitted = result.candidates_omitted + len(result.candidates) - len(shown)
    return {
        "artifact": result.artifact,
        "chosen": result.chosen,
        "candidates": shown,
        "candidates_omitted": omitted or None,
        "edges": result.edges[:MAX_EDGES],
        "notes": tuple(note[:MAX_TEXT] for note in result.notes[:MAX_NOTES]),
    }


def _progress(
    md: ModelDeployment, found: Assessment, observed: Observed
) -> tuple[str | None, int | None]:
    """What the Job does; when it could not be asked, what it did last, so nothing flickers."""
    if found.optimization.stage is not Stage.RUNNING:
        return None, None
    if observed.progress is not None:
        return observed.progress.step, observed.progress.percent
    stored = md.status.get("optimization") or {}
    if stored.get("request") != found.optimization.digest:
        return None, None
    return stored.get("step"), stored.get("progressPercent")


def _selector(md: ModelDeployment, shown: Revision | None) -> str:
    labels = revision_selector(md, shown.hash) if shown else serving_selector(md)
    return ",".join(f"{key}={value}" for key, value in sorted(labels.items()))


def _endpoint(md: ModelDeployment, observed: Observed) -> EndpointStatus | None:
    if named(observed.services, md.metadata.name) is None:
        return None
    host = f"{md.metadata.name}.{md.metadata.namespace}.svc"
    return EndpointStatus(http=f"http://{host}:{HTTP_PORT}", grpc=f"{host}:{GRPC_PORT}")
