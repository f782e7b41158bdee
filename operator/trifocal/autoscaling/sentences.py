"""The scaling decision in words: one sentence for each reason, with the numbers behind it. Pure."""

from trifocal.autoscaling.forecast import Forecast
from trifocal.autoscaling.outlook import Outlook, Situation
from trifocal.autoscaling.reason import ScaleReason
from trifocal.autoscaling.signal import NoData, Signal


def explain(
    reason: ScaleReason, situation: Situation, signal: Signal, outlook: Outlook, replicas: int
) -> str:
    """Why `replicas` are wanted."""
    if reason is ScaleReason.MODEL_TOO_SLOW:
        return _too_slow(outlook, replicas)
    if reason is ScaleReason.MAX_REACHED:
        return _max_reached(signal, outlook, situation.scaling.max_replicas)
    if reason is ScaleReason.OUT_OF_BOUNDS:
        return _out_of_bounds(situation)
    but = _but(reason, situation, signal, outlook, replicas)
    return f"{_need(signal, outlook)}{f'; {but}' if but else ''}."


def _but(
    reason: ScaleReason, situation: Situation, signal: Signal, outlook: Outlook, replicas: int
) -> str:
    """Why the number wanted is not the number needed; empty when it is."""
    ready, current = situation.ready, situation.current
    kept = f"{count(replicas)} {_are(replicas)} kept"
    words = {
        ScaleReason.STEP_LIMITED: f"{replicas} are ordered until more than {ready} are ready",
        ScaleReason.WAITING_FOR_PODS: f"{ready} of {current} ordered pods are ready",
        ScaleReason.INCOMPLETE_METRICS: f"{kept}, because not every ready pod was read",
        ScaleReason.MEASURED_ABOVE_OBJECTIVE: f"{kept}, because {_missed(signal, outlook)}",
    }
    if reason in words:
        return words[reason]
    if replicas <= outlook.replicas:
        return ""
    if replicas == situation.scaling.min_replicas:
        return f"minReplicas keeps {count(replicas)}"
    needs = situation.history.needs
    if needs and needs[0].replicas < replicas:
        return f"{count(replicas)} {_were(replicas)} foreseen to be needed a moment ago"
    hold = situation.scaling.scale_down_hold_seconds
    return f"{count(replicas)} {_were(replicas)} needed within the last {hold} s"


def explain_keeping(missing: NoData, current: int, replicas: int) -> str:
    """Why nothing is decided, and what that leaves."""
    if replicas == current:
        return f"{missing.message} {count(replicas)} {_stay(replicas)} ordered."
    return (
        f"{missing.message} {count(replicas)} {_are(replicas)} the nearest to the present "
        f"{current} that spec.scaling allows."
    )


def count(replicas: int) -> str:
    """1 replica, 2 replicas."""
    return f"{replicas} replica" if replicas == 1 else f"{replicas} replicas"


def _are(replicas: int) -> str:
    return "is" if replicas == 1 else "are"


def _were(replicas: int) -> str:
    return "was" if replicas == 1 else "were"


def _stay(replicas: int) -> str:
    return "stays" if replicas == 1 else "stay"


def number(value: float) -> str:
    """Two or three digits that matter, never an exponent."""
    if value >= 10:  # noqa: PLR2004 - from here on digits after the point do not matter
        return f"{value:.0f}"
    return f"{value:.1f}" if value >= 1 else f"{value:.2f}"


def _objective(outlook: Outlook) -> str:
    return f"p{outlook.objective.percentile} under {number(outlook.objective.max_milliseconds)} ms"


def _load(signal: Signal, outlook: Outlook) -> str:
    if outlook.pod is None or outlook.demand <= 0:
        return "No requests"
    if signal.service:
        each = signal.service.occupancy_milliseconds
    else:
        each = outlook.pod.executions[0].milliseconds
    if outlook.throughput > outlook.forecast.ahead:
        asked = f"The {number(outlook.throughput)} requests/s of objective.throughput"
    elif signal.waiting >= 1 and outlook.backlog > 0:
        asked = f"{number(outlook.forecast.level)} requests/s and {signal.waiting:.0f} waiting"
    else:
        asked = f"{number(outlook.forecast.level)} requests/s{_ahead(outlook.forecast)}"
    return f"{asked} at {number(each)} ms each"


def _ahead(forecast: Forecast) -> str:
    """What the load may become; empty when that reads the same as what it is."""
    if number(forecast.ahead) == number(forecast.level):
        return ""
    within = f"within the {forecast.horizon_seconds:.0f} s that a pod needs to start"
    again = f" as every {forecast.period_seconds / 60:.3g} minutes" if forecast.surge > 0 else ""
    return f" now, up to {number(forecast.ahead)} {within}{again},"


def _need(signal: Signal, outlook: Outlook) -> str:
    if outlook.demand <= 0 and outlook.replicas > 1:
        needed = count(outlook.replicas)
        return f"No requests are seen now; the load of the last minutes needs {needed}"
    if outlook.demand <= 0:
        return "No requests were seen, so 1 replica is enough"
    modelled = outlook.modelled(outlook.replicas)
    figure = f" (modelled {number(modelled)} ms)" if modelled is not None else ""
    return (
        f"{_load(signal, outlook)} need {count(outlook.replicas)} to keep "
        f"{_objective(outlook)}{figure}"
    )


def _out_of_bounds(situation: Situation) -> str:
    bounds = situation.scaling
    return (
        f"{count(situation.current)} {_were(situation.current)} ordered; "
        f"spec.scaling allows {bounds.min_replicas} to {bounds.max_replicas}."
    )


def _max_reached(signal: Signal, outlook: Outlook, most: int) -> str:
    modelled = outlook.modelled(most)
    then = (
        "the queue grows" if modelled is None else f"the modelled latency is {number(modelled)} ms"
    )
    return (
        f"{_load(signal, outlook)} need more than maxReplicas ({most}) to keep "
        f"{_objective(outlook)}; at {most} {then}. Raise maxReplicas or the objective."
    )


def _too_slow(outlook: Outlook, replicas: int) -> str:
    alone = outlook.pod.alone_milliseconds() if outlook.pod else 0.0
    return (
        f"A request that meets no queue already takes {number(alone)} ms at "
        f"p{outlook.objective.percentile}, and the objective is "
        f"{number(outlook.objective.max_milliseconds)} ms: more replicas cannot help. For the "
        f"load alone {count(replicas)} {_are(replicas)} enough. Raise maxMilliseconds, or serve a "
        "faster model or on faster hardware."
    )


def _missed(signal: Signal, outlook: Outlook) -> str:
    if (
        signal.latency_milliseconds is None
        or signal.latency_milliseconds <= outlook.objective.max_milliseconds
    ):
        return f"{number(signal.failures_per_second)} requests/s fail"
    return (
        f"p{outlook.objective.percentile} lately was "
        f"{number(signal.latency_milliseconds)} ms while requests queued"
    )
