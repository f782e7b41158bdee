"""How far the optimization of this spec is: one stage, from what was observed. Decides no writes.

| recorded or finished result | Job                        | stage     |
|-----------------------------|----------------------------|-----------|
| published elsewhere         | any                        | MOVED     |
| any                         | publishes elsewhere        | MOVED     |
| an engine of another Triton | any                        | HELD      |
| with an artifact            | any                        | DONE      |
| none, or a failure          | made in another way        | OUTDATED  |
| none, or a failure          | waits in another queue     | OUTDATED  |
| none                        | none, and cannot be made   | BLOCKED   |
| none                        | none                       | TO_START  |
| none                        | being deleted              | RUNNING   |
| none, or a failure          | failed                     | FAILED    |
| none, or a failure          | left to another cluster    | FAILED    |
| a failure that may pass     | failed some minutes ago    | LOST      |
| none                        | complete, pod still there  | FAILED    |
| none                        | complete, its words lost   | LOST      |
| none, or a failure          | active or suspended        | RUNNING   |
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from trifocal.api import names
from trifocal.api.modeldeployment import ModelDeployment
from trifocal.api.names import short_hash
from trifocal.api.schema import GROUP
from trifocal.api.sources import sources
from trifocal.optimizer.contract import FailureKind, OptimizationRequest, OptimizationResult
from trifocal.reconcile.children import (
    annotation,
    condition,
    has_condition,
    instant,
    is_deleting,
    is_finished,
    is_owned,
    named,
    request_of,
)
from trifocal.reconcile.job_trouble import job_failure, job_waits_for
from trifocal.reconcile.kept_images import settled_request
from trifocal.reconcile.observed import Manifest, Observed
from trifocal.reconcile.obstacles import engine_mismatch, missing, unconfigured
from trifocal.reconcile.suspended_job import (
    is_run_elsewhere,
    run_elsewhere,
    waits_in_another_queue,
)
from trifocal.reconcile.trouble import Trouble
from trifocal.resources.optimization_job import COMPONENT
from trifocal.resources.products import Product
from trifocal.settings import Settings

LOST_RESULT_GRACE = timedelta(seconds=60)
"""The pod's last words reach the watch cache before the Job's end does, or soon after: they come on
another watch. Only after this time is a result that is not there taken as lost."""

RETRY_AFTER = timedelta(minutes=5)
"""A Job whose attempts all met what may pass by itself (a server that is away) is made again after
this time. Its own attempts last about two minutes (the Job controller waits 10, 20 and 40 s)."""

STORE_ANNOTATION = f"{GROUP}/store"
"""On a Job and its recorded result: hash of the store that the artifact is published in. The
request's digest leaves the store out, and an artifact that lies elsewhere cannot be served."""

MEANS_ANNOTATION = f"{GROUP}/means"
"""On a Job and its request: hash of how the work is done, all that the request's digest leaves out:
where the bytes come from, with which Secret, within which limits; not the queue. A Job that has
found nothing yet starts again when they change, so that following an error's advice is enough."""


class Stage(StrEnum):
    """Where an optimization stands."""

    MOVED = "moved"
    OUTDATED = "outdated"
    BLOCKED = "blocked"
    TO_START = "to start"
    RUNNING = "running"
    LOST = "lost"
    FAILED = "failed"
    HELD = "held"
    DONE = "done"


@dataclass(frozen=True, kw_only=True)
class Optimization:
    """The optimization that the spec asks for, as it stands."""

    request: OptimizationRequest
    digest: str
    stage: Stage
    result: OptimizationResult | None = None
    job: Manifest | None = None
    request_config_map: Manifest | None = None
    pods: tuple[Manifest, ...] = ()
    """Pods of the Job, oldest first."""
    trouble: Trouble | None = None
    """Why it failed, or what keeps it from going on."""
    product: Product = None
    """The GPU product that it is for, where each of several has one of its own."""

    @property
    def artifact(self) -> OptimizationResult | None:
        """The result, if it is one that can be served."""
        return self.result if self.stage is Stage.DONE else None

    @property
    def keeps_result(self) -> bool:
        """Whether what the Job told is its last word, to be kept when its pod is gone.

        A failure is forgotten with its Job: whoever deletes the Job wants another try.
        """
        return self.stage in {Stage.DONE, Stage.HELD, Stage.FAILED}

    @property
    def running_pod(self) -> Manifest | None:
        """The pod that works on it now."""
        running = (pod for pod in self.pods if pod.get("status", {}).get("phase") == "Running")
        return next(running, None)


def assess(
    md: ModelDeployment, observed: Observed, settings: Settings, now: datetime
) -> Optimization:
    """The stage of the optimization that this spec asks for."""
    request, digest = settled_request(md, observed, settings)
    found = named(observed.jobs, names.optimization(md.metadata.name, digest))
    job = found if found is not None and is_owned(found, md.metadata.uid) else None
    config_map = named(observed.config_maps, names.optimization(md.metadata.name, digest))
    pods = _pods_of(observed, digest)
    result = observed.results.get(digest)
    obstacle = unconfigured(md, settings) or missing(observed)
    mismatch = engine_mismatch(md, result, settings)
    if _is_elsewhere(md, digest, job, observed):
        stage = Stage.MOVED
    elif _is_outdated(md, job, config_map, result):
        stage = Stage.OUTDATED
    else:
        stage = Stage.HELD if mismatch else _stage(job, pods, result, obstacle, now)
    optimization = Optimization(
        request=request,
        digest=digest,
        stage=stage,
        result=result,
        job=job,
        request_config_map=config_map,
        pods=pods,
    )
    trouble = _trouble(md, optimization, observed, mismatch or obstacle)
    return replace(optimization, trouble=trouble)


def store_hash(md: ModelDeployment) -> str:
    """Which store it is; credentials may change without moving anything."""
    store = md.spec.artifacts
    return short_hash([store.uri, store.claim_name, store.endpoint])


def means_hash(md: ModelDeployment) -> str:
    """How the work is done: places, credentials and limits."""
    spec = md.spec
    means = (*sources(spec).values(), spec.optimization.job, spec.artifacts)
    written = (each.model_dump(mode="json", exclude={"queue"}) for each in means)
    return short_hash([spec.service_account_name, *written])


def _is_outdated(
    md: ModelDeployment,
    job: Manifest | None,
    config_map: Manifest | None,
    result: OptimizationResult | None,
) -> bool:
    if result is not None and result.artifact is not None:
        return False
    if job is not None and waits_in_another_queue(md, job):
        return True
    known = {None, means_hash(md)}
    return any(
        annotation(child, MEANS_ANNOTATION) not in known for child in (job, config_map) if child
    )


def _is_elsewhere(
    md: ModelDeployment, digest: str, job: Manifest | None, observed: Observed
) -> bool:
    recorded = named(observed.config_maps, names.optimization_result(md.metadata.name, digest))
    known = {None, store_hash(md)}
    return any(
        annotation(child, STORE_ANNOTATION) not in known for child in (job, recorded) if child
    )


def _stage(
    job: Manifest | None,
    pods: tuple[Manifest, ...],
    result: OptimizationResult | None,
    obstacle: Trouble | None,
    now: datetime,
) -> Stage:
    if result is not None and result.artifact is not None:
        return Stage.DONE
    if job is None:
        return Stage.BLOCKED if obstacle else Stage.TO_START
    if is_deleting(job):
        return Stage.RUNNING
    if is_run_elsewhere(job) or has_condition(job, "Failed"):
        return Stage.LOST if _may_have_passed(job, result, now) else Stage.FAILED
    if has_condition(job, "Complete"):
        return _without_result(job, pods, now)
    return Stage.RUNNING


def is_transient(result: OptimizationResult | None) -> bool:
    """Whether the Job said that its failure may pass by itself."""
    return (
        result is not None
        and result.failure is not None
        and result.failure.kind is FailureKind.TRANSIENT
    )


def _may_have_passed(job: Manifest, result: OptimizationResult | None, now: datetime) -> bool:
    failed = condition(job, "Failed")
    if failed is None or not is_transient(result):
        return False
    return now - instant(failed["lastTransitionTime"]) >= RETRY_AFTER


def _without_result(job: Manifest, pods: tuple[Manifest, ...], now: datetime) -> Stage:
    """A Job that is complete and has told nothing: what it told is unreadable, late or lost."""
    complete = condition(job, "Complete")
    since = instant(complete["lastTransitionTime"]) if complete else now
    if now - since < LOST_RESULT_GRACE:
        return Stage.RUNNING
    return Stage.FAILED if any(is_finished(pod) for pod in pods) else Stage.LOST


def _trouble(
    md: ModelDeployment,
    optimization: Optimization,
    observed: Observed,
    obstacle: Trouble | None,
) -> Trouble | None:
    job, pods = optimization.job, optimization.pods
    match optimization.stage:
        case Stage.BLOCKED | Stage.HELD:
            return obstacle
        case Stage.FAILED if job is not None and is_run_elsewhere(job):
            return run_elsewhere(job)
        case Stage.FAILED if job is not None:
            return job_failure(md, job, pods, optimization.result)
        case Stage.RUNNING if job is not None:
            return job_waits_for(job, pods, observed.events)
        case _:
            return None


def _pods_of(observed: Observed, digest: str) -> tuple[Manifest, ...]:
    mine = (
        pod
        for pod in observed.pods
        if request_of(pod) == digest
        and pod["metadata"].get("labels", {}).get(names.COMPONENT_LABEL) == COMPONENT
    )
    return tuple(sorted(mine, key=lambda pod: pod["metadata"].get("creationTimestamp", "")))
