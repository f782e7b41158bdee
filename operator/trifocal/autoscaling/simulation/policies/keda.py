"""KEDA: its own step between 0 and 1, and from 1 on the HPA that it generates.

The sources are pkg/scaling/executor/scale_scaledobjects.go and apis/keda/v1alpha1 of
kedacore/keda. The trigger is Prometheus on the rate of arrivals, metricType AverageValue, so from
1 on this is `hpa.rate`. With `minReplicaCount` above 0 KEDA's own step never acts.

A query without a result, as when its target's scrapes are lost, reads as 0 by default, and so calls
for no replicas at all. With `ignoreNullValues: "false"` it is an error, and everything stays as it
is (pkg/scalers/prometheus_scaler.go).
"""

from trifocal.autoscaling.simulation.policies import hpa
from trifocal.autoscaling.simulation.policies.scrapes import known
from trifocal.autoscaling.simulation.policy import Pods, Setting, Telemetry

POLLING_SECONDS = 30.0
"""`pollingInterval`: how often the trigger is asked whether it is active."""
COOLDOWN_SECONDS = 300.0
"""`cooldownPeriod`: from the last poll that found the trigger active to zero replicas."""


class Keda:
    """One ScaledObject."""

    period_seconds = hpa.SYNC_SECONDS

    def __init__(self, setting: Setting, *, ignore_null_values: bool = True) -> None:
        self._hpa = hpa.rate(setting, empty_is_zero=ignore_null_values)
        self._lost = setting.lost
        self._empty_is_zero = ignore_null_values
        self._to_zero = setting.min_replicas == 0
        self._next_poll = 0.0
        # What runs at the start has been wanted: KEDA keeps the time in the object's status.
        self._last_active = 0.0

    def decide(self, now: float, pods: Pods, telemetry: Telemetry) -> int:
        """The HPA's replicas, except where the last poll says none or the first."""
        if self._to_zero and now >= self._next_poll:
            self._next_poll = now + POLLING_SECONDS
            active = self._is_active(now, telemetry)
            if active:
                self._last_active = now
                if pods.ordered == 0:
                    return 1
            elif active is False and now > self._last_active + COOLDOWN_SECONDS:
                return 0
        if pods.ordered == 0:
            # An HPA does not act on a Deployment that is scaled to zero.
            return 0 if self._to_zero else 1
        return self._hpa.decide(now, pods, telemetry)

    def _is_active(self, now: float, telemetry: Telemetry) -> bool | None:
        """Whether any request came (activationThreshold 0); None for an error."""
        window = known(hpa.metric_window(now), self._lost)
        if window is None:
            return False if self._empty_is_zero else None
        return telemetry.arrived(window.since, window.until) > 0


def strict(setting: Setting) -> Keda:
    """KEDA to which a query without a result is an error."""
    return Keda(setting, ignore_null_values=False)
