"""The scaler's own Prometheus metrics: the last decision on each ModelDeployment, and passes."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from trifocal.autoscaling.decision import ScaleDecision

Key = tuple[str, str]
"""Namespace and name of a ModelDeployment."""

_LABELS = ("namespace", "name")


class ScalerMetrics:
    """One series for each ModelDeployment and number that is known; none for what is not."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def gauge(name: str, text: str) -> Gauge:
            return Gauge(f"trifocal_scaling_{name}", text, _LABELS, registry=registry)

        self._desired = gauge("desired_replicas", "Replicas that the scaler wants.")
        self._rate = gauge("requests_per_second", "Measured arrival rate.")
        self._service = gauge(
            "service_seconds", "Mean time that one request occupies a model instance."
        )
        self._latency = gauge(
            "latency_seconds", "Measured latency at the objective's percentile (99 without one)."
        )
        self._modelled = gauge(
            "modelled_latency_seconds",
            "Modelled latency at the objective's percentile for the wanted replicas.",
        )
        self._reason = Gauge(
            "trifocal_scaling_reason",
            "1 for the reason of the last decision.",
            (*_LABELS, "reason"),
            registry=registry,
        )
        self.unreadable_pods = Counter(
            "trifocal_scaling_unreadable_pods",
            "Scrapes of ready pods that failed.",
            registry=registry,
        )
        self.pass_seconds = Histogram(
            "trifocal_scaling_pass_seconds",
            "Duration of one pass over all ModelDeployments, scrapes included.",
            buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
            registry=registry,
        )

    def show(self, key: Key, decision: ScaleDecision, previous: ScaleDecision | None) -> None:
        """Show a decision in place of the previous one."""
        self._desired.labels(*key).set(decision.replicas)
        _set(self._rate, key, decision.requests_per_second)
        _set(self._service, key, decision.service_milliseconds, unit=0.001)
        _set(self._latency, key, decision.latency_milliseconds, unit=0.001)
        _set(self._modelled, key, decision.modelled_milliseconds, unit=0.001)
        if previous and previous.reason != decision.reason:
            self._reason.remove(*key, previous.reason)
        self._reason.labels(*key, decision.reason).set(1)

    def forget(self, key: Key, last: ScaleDecision) -> None:
        """Remove the series of a ModelDeployment that is gone."""
        for gauge in (self._desired, self._rate, self._service, self._latency, self._modelled):
            gauge.remove(*key)
        self._reason.remove(*key, last.reason)


def _set(gauge: Gauge, key: Key, value: float | None, *, unit: float = 1.0) -> None:
    """A number that is not known has no series: zero would be a lie."""
    if value is None:
        gauge.remove(*key)
    else:
        gauge.labels(*key).set(value * unit)
