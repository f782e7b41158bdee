"""From pods to none and back: the decision where spec.scaling allows that no pod runs. Pure.

| pods | what is asked                     | replicas                           | reason        |
|------|-----------------------------------|------------------------------------|---------------|
| none | work waits, or a minimum is set   | 1, or what objective.throughput or | Waking        |
|      |                                   | the minimum calls for              |               |
| none | nothing                           | 0                                  | ScaledToZero  |
| none | unknown                           | 0: nothing changes                 | WakeUpUnknown |
| some | nothing, for the whole idle time  | 0                                  | ScaledToZero  |
| some | nothing of pods; query unknown    | as decided, 1 at least             | WakeUpUnknown |
| some | anything else                     | as decided, 1 at least             | as decided    |

Zero is never the answer to a question that failed: every pod was read and has got nothing, and the
query was answered, or pods stay. What was needed before plays no part in waking: it is older than
the idle time, and a gateway's number says that somebody waits, not how many pods they need.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from trifocal.api.scaling import ScalingSpec
from trifocal.autoscaling import zero_sentences as sentences
from trifocal.autoscaling.decision import ScaleDecision, decide
from trifocal.autoscaling.history import History
from trifocal.autoscaling.inputs import inputs_of
from trifocal.autoscaling.outlook import Situation
from trifocal.autoscaling.reason import ScaleReason
from trifocal.autoscaling.signal import NoData, Signal
from trifocal.autoscaling.waiting_work import NotAllowed, Unknown, WakeUpSignal, Work

_NOTHING = Signal(
    arrivals_per_second=0.0,
    failures_per_second=0.0,
    waiting=0.0,
    service=None,
    latency_milliseconds=None,
    complete=True,
)


@dataclass(frozen=True, kw_only=True)
class Rest:
    """What is remembered between decisions; what is lost costs idle time, never an answer."""

    idle_since: datetime | None = None
    """Since when nothing has been asked of the pods, without a gap in what is known."""
    asleep: bool = False
    """No pod was wanted. Elsewhere there may be none because a rollout needs its place."""
    waking: bool = False
    """Pods were ordered where there were none, and have not been measured yet."""


def decide_with_zero(
    situation: Situation, work: WakeUpSignal | None, rest: Rest, now: datetime
) -> tuple[ScaleDecision, History, Rest]:
    """As `decide`, and zero where the bounds allow it and nothing is asked.

    Args:
        situation: What `decide` takes; its minReplicas may be 0.
        work: What waits in front of the pods; None where no query was given, so that only a
            schedule wakes.
        rest: What the last decision returned.
        now: The time of the pass.
    """
    decision, history, rest = _decide(situation, work, rest, now)
    inputs = replace(
        decision.inputs or inputs_of(situation, None),
        min_replicas=situation.scaling.min_replicas,
        waiting_work=work.amount if isinstance(work, Work) else None,
    )
    return replace(decision, inputs=inputs), history, rest


def _decide(
    situation: Situation, work: WakeUpSignal | None, rest: Rest, now: datetime
) -> tuple[ScaleDecision, History, Rest]:
    awake = replace(situation, scaling=_at_least_one(situation.scaling))
    may_rest = situation.scaling.min_replicas == 0 and not isinstance(work, NotAllowed)
    was_left = situation.scaling.min_replicas == 0 or rest.asleep or rest.waking
    if situation.current == 0 and was_left:
        decision = _without_pods(awake, work, may_rest=may_rest, now=now)
        wakes = decision.replicas > 0
        return decision, situation.history, Rest(asleep=not wakes, waking=wakes)
    decision, history = decide(awake, now)
    if isinstance(situation.signal, NoData):
        if rest.waking:
            decision = replace(decision, reason=ScaleReason.WAKING)
        return decision, history, Rest(waking=rest.waking)
    if not _is_idle(situation, situation.signal):
        return decision, history, Rest()
    if not may_rest:
        return sentences.with_refusal(decision, work), history, Rest()
    decision, rest = _idle(awake.scaling, decision, work, rest, now)
    return decision, history, rest


def _at_least_one(scaling: ScalingSpec) -> ScalingSpec:
    if scaling.min_replicas > 0:
        return scaling
    return scaling.model_copy(update={"min_replicas": 1})


def _is_idle(situation: Situation, signal: Signal) -> bool:
    """Every pod that was ordered is ready and was read, and none has anything to do."""
    asked = signal.arrivals_per_second + signal.waiting
    return situation.settled and signal.complete and asked <= 0


def _without_pods(
    awake: Situation, work: WakeUpSignal | None, *, may_rest: bool, now: datetime
) -> ScaleDecision:
    if may_rest and not (isinstance(work, Work) and work.waits):
        unknown = isinstance(work, Unknown)
        return ScaleDecision(
            replicas=0,
            reason=ScaleReason.WAKE_UP_UNKNOWN if unknown else ScaleReason.SCALED_TO_ZERO,
            message=sentences.at_rest(awake.scaling, work),
            decided_at=now,
        )
    # As if pods ran that have nothing to do: what is left is the minimum and the throughput.
    history = replace(History(), service=awake.history.service, correction=awake.history.correction)
    least, _ = decide(replace(awake, signal=_NOTHING, history=history), now)
    return ScaleDecision(
        replicas=least.replicas,
        reason=ScaleReason.WAKING,
        message=sentences.waking(awake.scaling, work, least.replicas),
        decided_at=now,
    )


def _idle(
    scaling: ScalingSpec,
    decision: ScaleDecision,
    work: WakeUpSignal | None,
    rest: Rest,
    now: datetime,
) -> tuple[ScaleDecision, Rest]:
    """What becomes of pods that have nothing to do."""
    if isinstance(work, Unknown):
        told = sentences.kept_for(decision, work.message)
        return replace(told, reason=ScaleReason.WAKE_UP_UNKNOWN), Rest()
    if isinstance(work, Work) and work.waits:
        return sentences.kept_for(decision, sentences.above(work)), Rest()
    since = rest.idle_since or now
    # The hold is about the load before it was idle, too.
    seconds = max(scaling.idle_seconds, scaling.scale_down_hold_seconds)
    known = work is None or (isinstance(work, Work) and work.fresh)
    if now - since < timedelta(seconds=seconds) or not known:
        return decision, Rest(idle_since=since)
    zero = ScaleDecision(
        replicas=0,
        reason=ScaleReason.SCALED_TO_ZERO,
        message=sentences.at_rest(scaling, work, idle_seconds=seconds),
        decided_at=now,
        inputs=decision.inputs,
    )
    return zero, Rest(idle_since=since, asleep=True)
