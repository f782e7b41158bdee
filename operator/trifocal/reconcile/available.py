"""The condition Available: whether enough pods of the wanted revision are ready."""

from dataclasses import replace

from trifocal.api.condition import Reason
from trifocal.api.modeldeployment import ModelDeployment
from trifocal.api.status import ScalingStatus
from trifocal.autoscaling.reason import ScaleReason
from trifocal.reconcile import verdict
from trifocal.reconcile.assessment import Assessment
from trifocal.reconcile.observed import Observed
from trifocal.reconcile.product_report import on_dearer_products
from trifocal.reconcile.refused_children import refused_serving
from trifocal.reconcile.replicas import enough_replicas
from trifocal.reconcile.revisions import Revision, gave_room
from trifocal.reconcile.serving_trouble import trouble_of
from trifocal.reconcile.trouble import Trouble
from trifocal.reconcile.verdict import Verdict


def available(
    md: ModelDeployment, found: Assessment, observed: Observed, scaling: ScalingStatus | None
) -> Verdict:
    """The verdict.

    | wanted revision               | status  | reason                         |
    |-------------------------------|---------|--------------------------------|
    | a child could not be written  | False   | NameTaken, PodRefused          |
    | none yet                      | Unknown | WaitingForArtifact             |
    | refused                       | False   | AnswersDiffer, RevisionRefused |
    | no pods wanted                | True    | ScaledToZero                   |
    | none, and no work can be seen | Unknown | WakeUpUnknown                  |
    | none, though work waits       | False   | BudgetLimited                  |
    | enough ready pods             | True    | PodsReady; DearerProduct where |
    |                               |         | the cheapest has no room       |
    | too few, one in trouble       | False   | the trouble's                  |
    | too few, all on their way     | Unknown | StartingPods; Waking from none |
    """
    rollout = found.rollout
    if trouble := refused_serving(md, observed):
        return verdict.false(trouble, verdict.still_serving(rollout))
    if rollout.wanted is None:
        return verdict.unknown(Reason.WAITING_FOR_ARTIFACT, *_without_artifact(found, observed))
    if rollout.refused is not None:
        given_up = verdict.given_up(rollout.wanted, rollout.refused)
        return verdict.false(given_up, verdict.still_serving(rollout))
    if found.wanted_pods == 0:
        return _without_pods(scaling if md.spec.scaling else None)
    verdict_on_pods = _counted(md, found, rollout.wanted, observed)
    if verdict_on_pods.reason is Reason.STARTING_PODS and _says(scaling, ScaleReason.WAKING):
        return replace(verdict_on_pods, reason=Reason.WAKING)
    return verdict_on_pods


def _without_pods(scaling: ScalingStatus | None) -> Verdict:
    """No pods are wanted: as it should be, unless work may wait. `scaling` is None without one."""
    if scaling is None:
        return verdict.true(Reason.SCALED_TO_ZERO, "No pods are wanted, so nothing answers.")
    if _says(scaling, ScaleReason.BUDGET_LIMITED):
        return verdict.false(Trouble(reason=Reason.BUDGET_LIMITED, message=scaling.message))
    if _says(scaling, ScaleReason.WAKE_UP_UNKNOWN):
        return verdict.unknown(Reason.WAKE_UP_UNKNOWN, scaling.message)
    seconds = scaling.inputs.cold_start_seconds
    start = f"A pod took {seconds:g} s to start." if seconds is not None else ""
    return verdict.true(Reason.SCALED_TO_ZERO, scaling.message, start)


def _says(scaling: ScalingStatus | None, reason: ScaleReason) -> bool:
    return scaling is not None and scaling.reason == reason


def _counted(
    md: ModelDeployment, found: Assessment, wanted: Revision, observed: Observed
) -> Verdict:
    pods = found.wanted_pods
    counted = f"{_pods(wanted, pods)} of revision {wanted.hash} are ready."
    is_short = len(wanted.ready) < pods
    trouble = trouble_of(wanted, observed, found.division) if is_short else None
    elsewhere = on_dearer_products(wanted, found.division)
    if len(wanted.ready) >= enough_replicas(md, pods):
        reason = Reason.DEARER_PRODUCT if elsewhere else Reason.PODS_READY
        return verdict.true(reason, counted, elsewhere, trouble.message if trouble else "")
    serving = verdict.still_serving(found.rollout)
    if trouble is not None:
        return verdict.false(trouble, _making_room(found), serving)
    return verdict.unknown(Reason.STARTING_PODS, counted, elsewhere, serving)


def _without_artifact(found: Assessment, observed: Observed) -> tuple[str, ...]:
    serving = found.rollout.serving
    if serving is None:
        return ("Pods start when the optimization is done.",)
    counted = f"Revision {serving.hash} serves with {_pods(serving, found.desired)} ready."
    is_short = len(serving.ready) < found.desired
    trouble = trouble_of(serving, observed) if is_short else None
    return (counted, trouble.message if trouble else "")


def _pods(revision: Revision, desired: int) -> str:
    """Of those that are wanted; one that is about to go is not told."""
    return f"{min(len(revision.ready), desired)} of {desired} pods"


def _making_room(found: Assessment) -> str:
    wanted, serving = found.rollout.wanted, found.rollout.serving
    if wanted is None or serving is None or not gave_room(serving, wanted):
        return ""
    return f"Revision {serving.hash} gives up pods so that the new ones find a place."
