"""The condition Available: whether enough pods of the wanted revision are ready."""

from trifocal.api.condition import Reason
from trifocal.api.modeldeployment import ModelDeployment
from trifocal.reconcile import verdict
from trifocal.reconcile.assessment import Assessment
from trifocal.reconcile.observed import Observed
from trifocal.reconcile.refused_children import refused_serving
from trifocal.reconcile.replicas import enough_replicas
from trifocal.reconcile.revisions import Revision, gave_room
from trifocal.reconcile.serving_trouble import trouble_of
from trifocal.reconcile.trouble import Trouble
from trifocal.reconcile.verdict import Verdict


def available(md: ModelDeployment, found: Assessment, observed: Observed) -> Verdict:
    """The verdict.

    | wanted revision               | status  | reason                         |
    |-------------------------------|---------|--------------------------------|
    | a child could not be written  | False   | NameTaken, PodRefused          |
    | none yet                      | Unknown | WaitingForArtifact             |
    | refused                       | False   | the refusal's                  |
    | no pods wanted                | True    | ScaledToZero                   |
    | enough ready pods             | True    | PodsReady                      |
    | too few, one in trouble       | False   | the trouble's                  |
    | too few, all on their way     | Unknown | StartingPods                   |
    """
    rollout = found.rollout
    if trouble := refused_serving(md, observed):
        return verdict.false(trouble, verdict.still_serving(rollout))
    if rollout.wanted is None:
        return verdict.unknown(Reason.WAITING_FOR_ARTIFACT, *_without_artifact(found, observed))
    if rollout.refused is not None:
        given_up = verdict.given_up(rollout.wanted, rollout.refused)
        return verdict.false(given_up, verdict.still_serving(rollout))
    if found.desired == 0:
        return verdict.true(Reason.SCALED_TO_ZERO, "No pods are wanted, so nothing answers.")
    return _counted(md, found, rollout.wanted, observed)


def _counted(
    md: ModelDeployment, found: Assessment, wanted: Revision, observed: Observed
) -> Verdict:
    counted = f"{_pods(wanted, found.desired)} of revision {wanted.hash} are ready."
    trouble = _trouble(wanted, found.desired, observed)
    if len(wanted.ready) >= enough_replicas(md, found.desired):
        return verdict.true(Reason.PODS_READY, counted, trouble.message if trouble else "")
    serving = verdict.still_serving(found.rollout)
    if trouble is not None:
        return verdict.false(trouble, _making_room(found), serving)
    return verdict.unknown(Reason.STARTING_PODS, counted, serving)


def _without_artifact(found: Assessment, observed: Observed) -> tuple[str, ...]:
    serving = found.rollout.serving
    if serving is None:
        return ("Pods start when the optimization is done.",)
    counted = f"Revision {serving.hash} serves with {_pods(serving, found.desired)} ready."
    trouble = _trouble(serving, found.desired, observed)
    return (counted, trouble.message if trouble else "")


def _trouble(revision: Revision, desired: int, observed: Observed) -> Trouble | None:
    return trouble_of(revision, observed) if len(revision.ready) < desired else None


def _pods(revision: Revision, desired: int) -> str:
    return f"{len(revision.ready)} of {desired} pods"


def _making_room(found: Assessment) -> str:
    wanted, serving = found.rollout.wanted, found.rollout.serving
    if wanted is None or serving is None or not gave_room(serving, wanted):
        return ""
    return f"Revision {serving.hash} gives up pods so that the new ones find a place."
