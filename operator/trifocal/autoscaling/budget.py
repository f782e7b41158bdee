"""Fair shares of a namespace's GPUs when its models together want more than there are. Pure."""

import heapq
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

from trifocal.autoscaling.decision import ScaleDecision
from trifocal.autoscaling.reason import ScaleReason

K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True, kw_only=True)
class Want:
    """What one model asks for."""

    least: int
    """Replicas that it gets in any case: its user's minReplicas."""
    replicas: int
    """Replicas that it needs, at least `least`."""
    gpus: int
    """GPUs of one replica, at least 1."""


def fair_shares(wants: Mapping[K, Want], gpus: int) -> dict[K, int]:
    """Replicas for each model, together within `gpus` as far as the least numbers allow.

    Each replica goes to the model that has the smallest share of what it needs (max-min
    fairness), and among equals to the first by name, so that the same wants give the same
    shares. What one model cannot use, because its replica is too large for the rest, the others
    get. The least numbers come first even where they alone are too much: they are what somebody
    ordered, and the namespace's own quota will say so.
    """
    shares = {key: want.least for key, want in wants.items()}
    left = gpus - sum(want.least * want.gpus for want in wants.values())
    queue = [entry for key in wants if (entry := _next(key, wants, shares)) is not None]
    heapq.heapify(queue)
    while queue:
        _, _, key = heapq.heappop(queue)
        if wants[key].gpus > left:
            continue
        left -= wants[key].gpus
        shares[key] += 1
        if (entry := _next(key, wants, shares)) is not None:
            heapq.heappush(queue, entry)
    return shares


def _next(key: K, wants: Mapping[K, Want], shares: Mapping[K, int]) -> tuple[float, str, K] | None:
    """Place in the queue for one more replica; None when it has all that it needs."""
    share, needed = shares[key], wants[key].replicas
    return (share / needed, str(key), key) if share < needed else None


def rationed(decision: ScaleDecision, share: int, gpus: int) -> ScaleDecision:
    """The decision with no more replicas than the model's share of the namespace's GPUs."""
    if decision.replicas <= share:
        return decision
    return replace(
        decision,
        replicas=share,
        reason=ScaleReason.BUDGET_LIMITED,
        message=f"{decision.message} The namespace may use {gpus} GPUs, and its models together "
        f"need more: {share} of {decision.replicas} replicas is this one's fair share. Let "
        "gpusPerNamespace in the chart allow more, or lower maxReplicas of other models.",
    )
