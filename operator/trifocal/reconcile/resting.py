"""Rollouts of a model that the scaler has left without pods: the policy of proof and patience.

A revision that nobody asks has to prove itself all the same, or the next request would wake
something that was never tried: it gets one pod for the proof. Having got the traffic it keeps a pod
for the idle time, as one whose last request has just been answered.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from trifocal.api.modeldeployment import ModelDeployment
from trifocal.autoscaling.decision import ScaleDecision
from trifocal.autoscaling.reason import ScaleReason
from trifocal.reconcile.rollout import Rollout


def wanted_pods(md: ModelDeployment, rollout: Rollout, desired: int) -> int:
    """Pods that the wanted revision is to have.

    Without a scaler 0 is what a person asked for: then it proves itself when it starts. Only once
    the traffic is seen to have moved is the proof over, so that a crash before that costs nothing.
    """
    has_traffic = rollout.wanted is rollout.serving
    return desired if md.spec.scaling is None or has_traffic else max(desired, 1)


def awake_until(md: ModelDeployment, switched_at: datetime | None) -> datetime | None:
    """Until when a pod stays for traffic that has just moved; None where none does."""
    if md.spec.scaling is None or switched_at is None:
        return None
    return switched_at + timedelta(seconds=md.spec.scaling.idle_seconds)


def kept_awake(
    md: ModelDeployment,
    decision: ScaleDecision | None,
    *,
    switched_at: datetime | None,
    now: datetime,
) -> ScaleDecision | None:
    """The scaler's decision; instead of no pods one, while the traffic has moved just now."""
    scaling, until = md.spec.scaling, awake_until(md, switched_at)
    if decision is None or decision.replicas > 0 or scaling is None or until is None:
        return decision
    if now >= until or decision.reason == ScaleReason.BUDGET_LIMITED:
        return decision
    return replace(
        decision,
        replicas=1,
        reason=ScaleReason.JUST_ROLLED_OUT,
        message="The traffic has moved to another revision, whose pod stays for the idle time of "
        f"{scaling.idle_seconds} s.",
    )
