"""The Kubernetes HorizontalPodAutoscaler, v2, with one metric and the defaults of its `behavior`.

The sources are pkg/controller/podautoscaler/{replica_calculator,horizontal}.go and
pkg/apis/autoscaling/v2/defaults.go of kubernetes/kubernetes. Three kinds of metric are modelled:

    utilisation   Pods        busy share of the ready pods, target 70 %
    rate          External    AverageValue: arrivals, 70 % of what one pod can serve
    p99           External    Value: latency at the percentile, 80 % of the objective

A metric comes by way of a Prometheus rate over a minute and is one scrape old. Arrivals are
counted where they arrive (a gateway): Triton's own counters, which count answers, would hide an
overload from the HPA.

Without a metric the HPA leaves all as it is; a pod without one damps, as `by_pods_metric` says.
"""

import math
from collections import deque
from collections.abc import Callable

from trifocal.autoscaling.simulation.policies.scrapes import SCRAPE_SECONDS, known
from trifocal.autoscaling.simulation.policies.window import RecentMaximum, Window, last
from trifocal.autoscaling.simulation.policy import Pods, Policy, Setting, Telemetry

SYNC_SECONDS = 15.0
"""--horizontal-pod-autoscaler-sync-period."""
TOLERANCE = 0.1
"""--horizontal-pod-autoscaler-tolerance: a metric this near to its target changes nothing."""
DOWNSCALE_STABILISATION_SECONDS = 300.0
"""--horizontal-pod-autoscaler-downscale-stabilization."""
UP_PODS = 4
UP_FACTOR = 2
"""`behavior.scaleUp`: per 15 s four pods or 100 % more, whichever is larger. `scaleDown` allows
100 % per 15 s, which is no limit."""
METRIC_WINDOW_SECONDS = 60.0
"""The usual `rate(...[1m])`, which holds four scrapes."""
SYNCS_TO_METRIC = 2
"""A pod has a rate from its second scrape on, which the HPA reads one scrape later."""
TARGET_UTILISATION = 0.7
"""Usual in practice, for utilisation and for the rate alike: the two are then comparable."""
TARGET_LATENCY = 0.8
"""Share of the objective: at the objective itself half of all windows would miss it."""

Recommend = Callable[[float, Pods, Telemetry], int | None]
"""Replicas by the metric alone; None when there is no metric, and the HPA leaves all as it is."""


class HorizontalPodAutoscaler:
    """Recommendation, stabilisation, limits: one sync after the other."""

    period_seconds = SYNC_SECONDS

    def __init__(self, recommend: Recommend) -> None:
        self._recommend = recommend
        self._recent: RecentMaximum | None = None

    def decide(self, now: float, pods: Pods, telemetry: Telemetry) -> int:
        """The next `spec.replicas`; never 0, as an HPA without its alpha gate."""
        recommended = self._recommend(now, pods, telemetry)
        if recommended is None:
            return max(pods.ordered, 1)
        stable = self._stabilised(now, pods.ordered, recommended)
        return max(1, min(stable, most_after_sync(pods.ordered)))

    def _stabilised(self, now: float, ordered: int, recommended: int) -> int:
        """Up at once; down only to the largest recommendation of the window."""
        if self._recent is None:
            # What runs at the first sync counts as recommended.
            self._recent = RecentMaximum(DOWNSCALE_STABILISATION_SECONDS)
            self._recent.record(now, ordered)
        largest = self._recent.record(now, recommended)
        return max(recommended, min(ordered, largest))


def most_after_sync(ordered: int) -> int:
    """Most replicas that the default scale-up policies allow after one sync.

    Syncs are as far apart as the policies' period, so a period holds no earlier change.
    """
    return max(ordered + UP_PODS, UP_FACTOR * ordered)


def by_pods_metric(ordered: int, measured: int, ratio: float) -> int:
    """Replicas by a mean over the measured pods, `ratio` times its target.

    As `calcPlainMetricReplicas`: pods without a metric count as idle when the others are above
    the target, as on target when these are below; if that turns the direction, nothing changes.
    """
    total = measured * ratio + (ordered - measured if ratio < 1 else 0)
    damped = total / ordered
    if _tolerated(damped) or (damped - 1) * (ratio - 1) < 0:
        return ordered
    return _ceil(total)


def by_average_value(ordered: int, total: float, target: float) -> int:
    """Replicas that share `total` at `target` each (`GetExternalPerPodMetricReplicas`).

    Whether the pods are ready makes no difference: a rate does not grow while they start.
    """
    if _tolerated(total / (target * ordered)):
        return ordered
    return _ceil(total / target)


def by_value(pods: Pods, ratio: float) -> int:
    """Ready pods times the ratio of value and target (`GetExternalMetricReplicas`)."""
    return pods.ordered if _tolerated(ratio) else _ceil(ratio * pods.ready)


def pod_requests_per_second(setting: Setting) -> float:
    """What one pod serves when all its batches are full: the rate target's 100 %."""
    return setting.max_batch / setting.execution_seconds(setting.max_batch)


def utilisation(setting: Setting) -> Policy:
    """HPA on the busy share of the pods."""
    ready: deque[int] = deque(maxlen=SYNCS_TO_METRIC + 1)

    def recommend(now: float, pods: Pods, telemetry: Telemetry) -> int | None:
        ready.append(pods.ready)
        window = metric_window(now)
        parts = [known(window, setting.lost, pod) for pod in range(min(ready))]
        measured = [part for part in parts if part is not None]
        if not measured:
            return None
        since = min(part.since for part in measured)
        until = max(part.until for part in measured)
        available = telemetry.ready_seconds(since, until)
        if available <= 0:
            return None
        ratio = telemetry.busy_seconds(since, until) / available / TARGET_UTILISATION
        return by_pods_metric(pods.ordered, len(measured), ratio)

    return HorizontalPodAutoscaler(recommend)


def rate(setting: Setting, *, empty_is_zero: bool = False) -> Policy:
    """HPA on arrivals per second and pod.

    Args:
        setting: What is simulated.
        empty_is_zero: Whether a query without a result means no arrivals. To the HPA itself it is
            an error, and no metric.
    """
    target = TARGET_UTILISATION * pod_requests_per_second(setting)

    def recommend(now: float, pods: Pods, telemetry: Telemetry) -> int | None:
        whole = metric_window(now)
        if whole.seconds <= 0 or pods.ordered == 0:
            return None
        window = known(whole, setting.lost)
        if window is None:
            return by_average_value(pods.ordered, 0.0, target) if empty_is_zero else None
        arrivals = telemetry.arrived(window.since, window.until) / window.seconds
        return by_average_value(pods.ordered, arrivals, target)

    return HorizontalPodAutoscaler(recommend)


def latency(setting: Setting) -> Policy:
    """HPA on the latency at the objective's percentile."""
    target = TARGET_LATENCY * setting.objective_seconds

    def recommend(now: float, pods: Pods, telemetry: Telemetry) -> int | None:
        window = known(metric_window(now), setting.lost)
        if window is None:
            return None
        measured = telemetry.latency(setting.percentile, window.since, window.until)
        return None if measured is None else by_value(pods, measured / target)

    return HorizontalPodAutoscaler(recommend)


def metric_window(now: float) -> Window:
    """What a metric read now was computed from."""
    return last(METRIC_WINDOW_SECONDS, now, SCRAPE_SECONDS)


def _tolerated(ratio: float) -> bool:
    return 1 - TOLERANCE <= ratio <= 1 + TOLERANCE


def _ceil(replicas: float) -> int:
    """Rounded up; the HPA counts in thousandths, so a rounding error below is none."""
    return math.ceil(replicas - 1e-6)
