"""The scaling decision: from load, service time and objective to replicas, with its reason. Pure.

`replicas` is the smallest number whose modelled latency meets the objective, at the load of the
last minutes and at the one foreseen for when new pods could be up: an absolute number, never a
factor on the present one, so the same load gives the same answer however many pods are starting.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from trifocal.api.scaling import ScalingSpec
from trifocal.autoscaling import sentences
from trifocal.autoscaling.correction import is_enough, is_telling
from trifocal.autoscaling.forecast import Forecast, foresee
from trifocal.autoscaling.history import History
from trifocal.autoscaling.inputs import Inputs, inputs_of
from trifocal.autoscaling.outlook import Outlook, Situation, look
from trifocal.autoscaling.reason import ScaleReason
from trifocal.autoscaling.signal import NoData, Signal

STEP_FACTOR = 2
STEP_PODS = 4
"""Twice the ready pods and four more may be ordered, until some of those are ready. They are the
steps of HorizontalPodAutoscaler (100 % or 4 pods, whichever is more, in 15 s), added up. A wrong
measurement can therefore not order a whole cluster."""
QUEUEING_SHARE = 0.1
"""A measured miss of the objective is blamed on the queue when requests wait, on average, for at
least this share of their execution. Otherwise fewer pods are no slower, and keeping them is of no
use. In an M/D/1 queue it is reached at a utilisation of 17 %."""


FORESEEN_HOLD = timedelta(minutes=1)
"""What was foreseen is held at least so long, and no less than a new order would take: the time
that an objective is judged over, of which no part is then served by fewer."""
HOLDING_AFTER = timedelta(seconds=60)
"""Age of the need that is held on to from which on the reason is Holding, or half the hold if that
is less. A load at the border of two numbers would otherwise change its reason, and with it status,
every few seconds."""


@dataclass(frozen=True, kw_only=True)
class ScaleDecision:
    """The scaler's last word on one ModelDeployment, with the numbers it was made from."""

    replicas: int
    reason: str
    message: str
    requests_per_second: float | None = None
    service_milliseconds: float | None = None
    latency_milliseconds: float | None = None
    modelled_milliseconds: float | None = None
    cold_start_seconds: float | None = None
    decided_at: datetime
    inputs: Inputs | None = None
    """What it was derived from; None where nothing was decided."""


def decide(situation: Situation, now: datetime) -> tuple[ScaleDecision, History]:
    """The number of replicas wanted now, and the history to decide with next time.

    Without data nothing changes but what the bounds of the spec force: the present number is
    kept, and counts as needed. Fewer replicas are wanted only when nothing speaks against it: no
    larger need within the hold, no pod that could not be read, no measured latency that misses
    the objective because of queueing.
    """
    signal = situation.signal
    if isinstance(signal, NoData):
        return _keep(situation, signal, now)
    situation, forecast = _foresee(situation, signal, now)
    outlook = look(situation, signal, forecast)
    if outlook is None:
        missing = NoData(
            reason=ScaleReason.NO_SERVICE_TIME,
            message=f"{sentences.number(signal.arrivals_per_second)} requests/s arrive, and none "
            "has been answered yet, so what they need is unknown.",
        )
        return _keep(situation, missing, now)
    situation = replace(situation, history=_remember(situation, signal, outlook, now))
    floor = max(_floor(situation, signal, outlook), min(situation.current, outlook.kept))
    needed = max(situation.history.most_needed(), floor)
    wanted = min(needed, _step_limit(situation))
    replicas = _within(situation.scaling, wanted)
    reason = _reason(situation, signal, outlook, replicas, now)
    message = sentences.explain(reason, situation, signal, outlook, replicas)
    decision = _decision(replicas, reason, message, signal, now)
    modelled = outlook.modelled(replicas)
    inputs = inputs_of(situation, outlook)
    return replace(decision, modelled_milliseconds=modelled, inputs=inputs), situation.history


def _foresee(situation: Situation, signal: Signal, now: datetime) -> tuple[Situation, Forecast]:
    forecast, arrivals = foresee(
        situation.history.arrivals, signal.arrivals_per_second, now, situation.horizon_seconds
    )
    history = replace(situation.history, arrivals=arrivals)
    return replace(situation, history=history), forecast


def _remember(situation: Situation, signal: Signal, outlook: Outlook, now: datetime) -> History:
    """The history with what is needed now and ahead, and with what a settled state has shown."""
    bounds = situation.scaling
    history = _record(situation, outlook.held, now)
    until_ready = timedelta(seconds=situation.horizon_seconds)
    hold = min(max(until_ready, FORESEEN_HOLD), timedelta(seconds=bounds.scale_down_hold_seconds))
    history = history.foresee(_within(bounds, outlook.ahead), now, hold)
    if not situation.settled or signal.service is None:
        return history
    history = replace(history, service=signal.service)
    modelled = outlook.modelled(situation.ready)
    measured = signal.latency_milliseconds
    objective = outlook.objective
    if modelled and measured and is_enough(signal.service.requests, objective.percentile):
        plain = modelled / outlook.correction
        if is_telling(plain, objective.max_milliseconds):
            return replace(history, correction=history.correction.learn(measured, plain, now))
    return history


def observe_only(signal: Signal | NoData, replicas: int, now: datetime) -> ScaleDecision:
    """The decision of an object without `spec.scaling`: its own number, with what is measured."""
    message = "spec.scaling is not set, so spec.replicas decides."
    if isinstance(signal, NoData):
        message = f"{message} {signal.message}"
    return _decision(replicas, ScaleReason.NOT_SCALED, message, signal, now)


def _keep(situation: Situation, missing: NoData, now: datetime) -> tuple[ScaleDecision, History]:
    replicas = _within(situation.scaling, situation.current)
    message = sentences.explain_keeping(missing, situation.current, replicas)
    decision = _decision(replicas, missing.reason, message, situation.signal, now)
    history = _record(situation, replicas, now)
    inputs = inputs_of(replace(situation, history=history), None)
    return replace(decision, inputs=inputs), history


def _decision(
    replicas: int, reason: ScaleReason, message: str, signal: Signal | NoData, now: datetime
) -> ScaleDecision:
    decision = ScaleDecision(replicas=replicas, reason=reason, message=message, decided_at=now)
    if isinstance(signal, NoData):
        return decision
    service = signal.service
    return replace(
        decision,
        requests_per_second=signal.arrivals_per_second,
        service_milliseconds=service.occupancy_milliseconds if service else None,
        latency_milliseconds=signal.latency_milliseconds,
    )


def _record(situation: Situation, replicas: int, now: datetime) -> History:
    hold = timedelta(seconds=situation.scaling.scale_down_hold_seconds)
    return situation.history.record(_within(situation.scaling, replicas), now, hold)


def _within(scaling: ScalingSpec, replicas: int) -> int:
    return max(scaling.min_replicas, min(replicas, scaling.max_replicas))


def _step_limit(situation: Situation) -> int:
    return max(situation.current, STEP_FACTOR * situation.ready + STEP_PODS)


def _floor(situation: Situation, signal: Signal, outlook: Outlook) -> int:
    """What must not be given up now, whatever the model says."""
    kept = not signal.complete or _queueing_misses(situation, signal, outlook)
    return situation.current if kept else 0


def _queueing_misses(situation: Situation, signal: Signal, outlook: Outlook) -> bool:
    """Whether the measured latency misses the objective, and queueing is why."""
    if outlook.too_slow or signal.service is None:
        return False
    delay = situation.batching.max_queue_delay_microseconds / 1000
    queued = signal.service.queue_milliseconds - delay
    if queued < QUEUEING_SHARE * signal.service.execution_milliseconds:
        return False
    objective = outlook.objective
    measured = signal.latency_milliseconds
    if measured is not None and measured > objective.max_milliseconds:
        return True
    return signal.failures_per_second > signal.arrivals_per_second * (
        1 - objective.percentile / 100
    )


def _holds_on(situation: Situation, now: datetime) -> bool:
    """Whether what keeps the replicas is a need of some time ago, not the minimum or chance."""
    most = situation.history.most_needed()
    needs = situation.history.needs
    if most <= situation.scaling.min_replicas or needs[0].replicas < most:
        return False
    hold = timedelta(seconds=situation.scaling.scale_down_hold_seconds)
    return now - needs[0].at >= min(HOLDING_AFTER, hold / 2)


def _reason(
    situation: Situation, signal: Signal, outlook: Outlook, replicas: int, now: datetime
) -> ScaleReason:
    """The first that applies, the one that the user can do most about in front."""
    current, bounds = situation.current, situation.scaling
    fewer_do = outlook.replicas < replicas
    rules = (
        (outlook.too_slow and outlook.demand > 0, ScaleReason.MODEL_TOO_SLOW),
        (not outlook.reachable, ScaleReason.MAX_REACHED),
        (not bounds.min_replicas <= current <= bounds.max_replicas, ScaleReason.OUT_OF_BOUNDS),
        (replicas < situation.history.most_needed(), ScaleReason.STEP_LIMITED),
        (replicas > current, ScaleReason.MORE_LOAD),
        (replicas < current, ScaleReason.LESS_LOAD),
        (outlook.replicas > situation.ready, ScaleReason.WAITING_FOR_PODS),
        (
            not signal.complete and (fewer_do or outlook.demand <= 0),
            ScaleReason.INCOMPLETE_METRICS,
        ),
        (
            fewer_do and _queueing_misses(situation, signal, outlook),
            ScaleReason.MEASURED_ABOVE_OBJECTIVE,
        ),
        (fewer_do and _holds_on(situation, now), ScaleReason.HOLDING),
        (outlook.demand <= 0, ScaleReason.NO_TRAFFIC),
    )
    return next((reason for applies, reason in rules if applies), ScaleReason.STEADY)
