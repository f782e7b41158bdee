"""Which numbers of a decision are shown as metrics, under which names, in base units. Pure."""

from collections.abc import Callable

from trifocal.autoscaling.decision import ScaleDecision
from trifocal.autoscaling.inputs import Inputs
from trifocal.autoscaling.outlook import Outlook
from trifocal.autoscaling.signal import ServiceTime, Signal

Read = Callable[[ScaleDecision], float | None]
"""A number of a decision; None when it is not known."""


def _given(read: Callable[[Inputs], float | None]) -> Read:
    return lambda decision: read(decision.inputs) if decision.inputs else None


def _measured(read: Callable[[Signal], float | None]) -> Read:
    return _given(lambda inputs: read(inputs.signal) if inputs.signal else None)


def _served(read: Callable[[ServiceTime], float]) -> Read:
    return _measured(lambda signal: read(signal.service) if signal.service else None)


def _foreseen(read: Callable[[Outlook], float | None]) -> Read:
    return _given(lambda inputs: read(inputs.outlook) if inputs.outlook else None)


def _seconds(read: Read) -> Read:
    """Of milliseconds."""

    def converted(decision: ScaleDecision) -> float | None:
        milliseconds = read(decision)
        return None if milliseconds is None else milliseconds / 1000

    return converted


GAUGES: tuple[tuple[str, str, Read], ...] = (
    ("desired_replicas", "Replicas that the scaler wants.", lambda d: d.replicas),
    # What was measured
    ("requests_per_second", "Measured arrival rate.", lambda d: d.requests_per_second),
    ("failures_per_second", "Requests that failed.", _measured(lambda s: s.failures_per_second)),
    ("waiting_requests", "Requests that wait for execution.", _measured(lambda s: s.waiting)),
    (
        "service_seconds",
        "Mean time that one request occupies a model instance.",
        _seconds(lambda d: d.service_milliseconds),
    ),
    (
        "requests_per_execution",
        "Mean number of requests that one execution serves.",
        _served(lambda s: s.requests_per_execution),
    ),
    (
        "queue_seconds",
        "Mean wait before execution, the batcher's delay included.",
        _seconds(_served(lambda s: s.queue_milliseconds)),
    ),
    (
        "latency_seconds",
        "Measured latency at the objective's percentile (99 without one).",
        _seconds(lambda d: d.latency_milliseconds),
    ),
    (
        "late_ratio",
        "Share of requests that took longer than the objective, or were refused.",
        _measured(lambda s: s.late_share),
    ),
    (
        "metrics_complete",
        "1 when every ready pod was read; otherwise rates are a lower bound.",
        _measured(lambda s: s.complete),
    ),
    ("wake_up_value", "What the wake-up query gave.", _given(lambda i: i.waiting_work)),
    # What is foreseen
    (
        "level_requests_per_second",
        "Arrival rate with chance averaged out.",
        _foreseen(lambda o: o.forecast.level),
    ),
    (
        "level_error_requests_per_second",
        "Standard deviation of the level.",
        _foreseen(lambda o: o.forecast.error),
    ),
    (
        "held_requests_per_second",
        "Mean arrival rate of the last minutes, which replicas are held for.",
        _foreseen(lambda o: o.forecast.held),
    ),
    (
        "forecast_requests_per_second",
        "Upper bound of the arrival rate when pods ordered now will be up.",
        _foreseen(lambda o: o.forecast.ahead),
    ),
    (
        "surge_requests_per_second",
        "Part of the forecast that a period calls for.",
        _foreseen(lambda o: o.forecast.surge),
    ),
    (
        "forecast_horizon_seconds",
        "How far the forecast looks ahead.",
        _foreseen(lambda o: o.forecast.horizon_seconds),
    ),
    (
        "growth_ratio",
        "Usual growth within the horizon; absent while unknown.",
        _given(lambda i: i.growth),
    ),
    (
        "dispersion_ratio",
        "Variance of the load's counts over their mean; 1 is pure chance.",
        _given(lambda i: i.dispersion),
    ),
    (
        "backlog_requests_per_second",
        "Rate on top of the arrivals that works off what waits.",
        _foreseen(lambda o: o.backlog),
    ),
    (
        "cold_start_seconds",
        "From the order of a pod to its first request, as counted on.",
        _given(lambda i: i.cold_start_seconds),
    ),
    # What the model says
    (
        "objective_latency_seconds",
        "The objective's limit.",
        _seconds(_foreseen(lambda o: o.objective.max_milliseconds)),
    ),
    (
        "modelled_latency_seconds",
        "Modelled latency at the objective's percentile for the wanted replicas.",
        _seconds(lambda d: d.modelled_milliseconds),
    ),
    (
        "correction_ratio",
        "What modelled latencies are multiplied with.",
        _foreseen(lambda o: o.correction),
    ),
    (
        "held_replicas",
        "Fewest replicas for the load of the last minutes.",
        _foreseen(lambda o: o.held),
    ),
    (
        "ahead_replicas",
        "Fewest replicas for the present load and the forecast.",
        _foreseen(lambda o: o.ahead),
    ),
    (
        "kept_replicas",
        "Replicas that a slightly larger load would need; those present are kept up to it.",
        _foreseen(lambda o: o.kept),
    ),
    (
        "most_needed_replicas",
        "Most replicas that were needed within the hold.",
        _given(lambda i: i.most_needed),
    ),
    # What bounds it
    ("ordered_replicas", "Replicas that are ordered.", _given(lambda i: i.current)),
    ("ready_replicas", "Pods that are ready.", _given(lambda i: i.ready)),
    ("min_replicas", "Bound in force, schedules included.", _given(lambda i: i.min_replicas)),
    ("max_replicas", "Bound in force, schedules included.", _given(lambda i: i.max_replicas)),
)
"""Name without its prefix, meaning, and where it is found."""
