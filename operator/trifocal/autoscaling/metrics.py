"""The scaler's own Prometheus metrics: the last decision on each ModelDeployment, and passes.

Nothing is copied when a decision is made: the numbers are taken from the decisions when somebody
asks. So they go with their object, and what is not known has no series: zero would be a lie.
"""

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from typing_extensions import override

from trifocal.autoscaling.decision import ScaleDecision
from trifocal.autoscaling.gauges import GAUGES

Key = tuple[str, str]
"""Namespace and name of a ModelDeployment."""

_LABELS = ("namespace", "name")


class _Decisions(Collector):
    """The last decision on each ModelDeployment, as gauges."""

    def __init__(self) -> None:
        self.last: dict[Key, ScaleDecision] = {}

    @override
    def collect(self) -> Iterator[GaugeMetricFamily]:
        """All gauges, each with one series for each object that it is known of."""
        for name, text, read in GAUGES:
            family = GaugeMetricFamily(f"trifocal_scaling_{name}", text, labels=_LABELS)
            for key, decision in self.last.items():
                if (value := read(decision)) is not None:
                    family.add_metric(key, value)
            yield family
        reason = GaugeMetricFamily(
            "trifocal_scaling_reason",
            "1 for the reason of the last decision.",
            labels=(*_LABELS, "reason"),
        )
        for key, decision in self.last.items():
            reason.add_metric((*key, decision.reason), 1)
        yield reason


class ScalerMetrics:
    """One series for each ModelDeployment and number that is known; none for what is not."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._decisions = _Decisions()
        registry.register(self._decisions)
        self._decided = Counter(
            "trifocal_scaling_decisions",
            "Decisions on all ModelDeployments together.",
            ("reason",),
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

    def show(self, key: Key, decision: ScaleDecision) -> None:
        """Show a decision in place of the previous one."""
        self._decisions.last[key] = decision
        self._decided.labels(decision.reason).inc()

    def forget(self, key: Key) -> None:
        """Remove the series of a ModelDeployment that is gone."""
        self._decisions.last.pop(key, None)

    def forget_all(self) -> None:
        """Remove every series of a ModelDeployment: another process decides now."""
        self._decisions.last.clear()
