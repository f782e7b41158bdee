"""Words for a model without pods, for one that wakes, and for idle pods that stay. Pure."""

from dataclasses import replace

from trifocal.api.scaling import ScalingSpec
from trifocal.autoscaling.decision import ScaleDecision
from trifocal.autoscaling.sentences import count
from trifocal.autoscaling.waiting_work import NotAllowed, Unknown, WakeUpSignal, Work

MOST_NAMES = 3
"""Schedules that a sentence names: a name may have 63 characters, and there may be 20."""


def at_rest(
    scaling: ScalingSpec, work: WakeUpSignal | None, *, idle_seconds: float | None = None
) -> str:
    """Why no pod runs, and what would change that."""
    if isinstance(work, Unknown):
        return (
            f"No pod runs, and whether work waits is unknown. {work.message} Until that is "
            f"repaired {_only(scaling)}; set spec.scaling.minReplicas to 1 to have a pod now."
        )
    because = [f"nothing was asked of the pods for {idle_seconds:.0f} s"] if idle_seconds else []
    if isinstance(work, Work):
        because.append(f"the wake-up query gives {_of(work)}")
    told = ": ".join([*filter(None, [", and ".join(because)]), "no pod runs."])
    return f"{told[0].upper()}{told[1:]} {_wakes(scaling, work)}"


def waking(scaling: ScalingSpec, work: WakeUpSignal | None, replicas: int) -> str:
    """Why pods are ordered where there were none."""
    ordered = f"{count(replicas)} {'is' if replicas == 1 else 'are'} ordered where none was"
    if isinstance(work, Work) and work.waits:
        return f"{ordered}: the wake-up query gives {_of(work)}."
    if isinstance(work, NotAllowed):
        return f"{ordered}: a {_no_effect(work)}"
    return f"{ordered}: the least is {scaling.min_replicas} now."


def above(work: Work) -> str:
    """That somebody waits although no pod is asked."""
    return f"The wake-up query gives {_of(work)}."


def kept_for(decision: ScaleDecision, why: str) -> ScaleDecision:
    """The decision with the reason why idle pods stay."""
    kept = f"{count(decision.replicas)} {'stays' if decision.replicas == 1 else 'stay'}."
    return replace(decision, message=f"{decision.message} {why} {kept}")


def with_refusal(decision: ScaleDecision, work: WakeUpSignal | None) -> ScaleDecision:
    """The decision on idle pods; where a query is not allowed, that this is why they stay."""
    if not isinstance(work, NotAllowed):
        return decision
    return replace(decision, message=f"{decision.message} A {_no_effect(work)}")


def _no_effect(work: NotAllowed) -> str:
    return f"minReplicas of 0 has no effect. {work.message}"


def _of(work: Work) -> str:
    relation = "above" if work.waits else "not above"
    return f"{work.amount:g}, {relation} {work.threshold:g}"


def _wakes(scaling: ScalingSpec, work: WakeUpSignal | None) -> str:
    """What starts a pod; with a query, what a client has to do with it."""
    if isinstance(work, Work):
        return (
            "A larger number wakes the model: a request that a gateway holds or sends again is "
            "answered when a pod is ready, and any other is refused."
        )
    return f"A request is refused; {_only(scaling)}."


def _only(scaling: ScalingSpec) -> str:
    names = [schedule.name for schedule in scaling.schedules if schedule.min_replicas]
    if not names:
        return "nothing wakes the model"
    which = " or ".join(names) if len(names) <= MOST_NAMES else f"one of {len(names)} schedules"
    return f"only the next start of {which} wakes the model"
