"""What a decision is made from, and what the model says: the least replicas that do. Pure."""

import math
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from trifocal.api.scaling import LatencyObjective, ScalingSpec
from trifocal.api.serving import Batching
from trifocal.autoscaling.balancing import Balancing
from trifocal.autoscaling.correction import is_enough
from trifocal.autoscaling.forecast import Forecast
from trifocal.autoscaling.history import History
from trifocal.autoscaling.service import MEDIAN, PodModel, pod_model
from trifocal.autoscaling.signal import NoData, ServiceTime, Signal
from trifocal.optimizer.contract import CapacityPoint

BACKLOG_SECONDS = 60.0
"""Waiting requests are to be served within this time, on top of the arriving ones: the time that an
objective is judged over. After a step to four times the load, half of it orders a third more pods
for a moment, and saves no minute. On top comes at most as much again as arrives: what has waited
for longer than a pod needs to start is mostly given up by who asked, and would order by far more
pods than the load will ever need."""
ORDER_ERRORS = 0.5
"""Standard deviations of the level by which the present number must be too small before more is
ordered. A small part of the distance between ordering and releasing: late orders cost misses."""
RELEASE_ERRORS = 2.0
"""Standard deviations by which fewer must be more than enough before a replica goes. Together 2.5:
at the border of two numbers chance would otherwise order, release and order again, and pay for a
cold start each time."""
COLD_START_SECONDS = 60.0
"""From the order of a pod to its first request, while none was measured: a few seconds for the
pod, and loading the model."""
CONTROL_SECONDS = 5.0
"""Until the next decision, which is the next chance to order."""
LATE_SHARE: dict[Balancing, float] = {"shared": 0.1, "blind": 0.5}
"""Part of the objective's late requests that the forecast load may have in the model. An objective
is to hold in each minute, and late requests come in bursts: in simulated minutes of some 1000
requests to one queue of 1 to 7 pods, a steady load whose modelled late share is all of a 99 %
objective's misses it in a quarter of them, with a tenth in one of forty. Where each pod is a queue
of its own, pods are less busy, bursts shorter, and many pods' bursts even out."""


@dataclass(frozen=True, kw_only=True)
class Situation:
    """What a decision is made from, besides the time."""

    scaling: ScalingSpec
    signal: Signal | NoData
    history: History
    current: int
    """Replicas that are ordered: what the Deployment asks for."""
    ready: int
    """Pods that are ready. The rest of `current` is ordered, and no capacity yet."""
    capacity: tuple[CapacityPoint, ...] = ()
    batching: Batching = field(default_factory=Batching)
    instances: int = 1
    balancing: Balancing = "blind"
    cold_start_seconds: float = COLD_START_SECONDS
    """Measured, from the order of a pod to its first request."""

    @property
    def settled(self) -> bool:
        """Every ordered pod is ready."""
        return self.ready >= self.current

    @property
    def horizon_seconds(self) -> float:
        """Until what is ordered at the next decision serves: what is foreseen must reach so far."""
        return self.cold_start_seconds + CONTROL_SECONDS


@dataclass(frozen=True, kw_only=True)
class Outlook:
    """What the model says about the present load, and about the one to come."""

    objective: LatencyObjective
    forecast: Forecast
    backlog: float
    """Requests/s on top that work off what waits."""
    throughput: float
    """Requests/s that must be possible at any time; 0 when nothing is asked for."""
    held: int
    """The least that meets the objective at the load of the last minutes, from 1 to maxReplicas."""
    ahead: int
    """The least that meets it now, and will meet it in nearly each minute when new pods could be
    up; likewise."""
    kept: int
    """What of the present replicas is worth keeping: the same for a load that is RELEASE_ERRORS
    larger."""
    reachable: bool
    """Whether it is met at that number; False only at maxReplicas."""
    pod: PodModel | None
    """None when nothing was ever measured, and there is nothing to plan for."""
    correction: float
    """What the model's latency is multiplied with."""

    @property
    def replicas(self) -> int:
        """The least that does, now and at the horizon."""
        return max(self.held, self.ahead)

    @property
    def load(self) -> float:
        """Requests/s that arrive, and those that work off a backlog."""
        return self.forecast.level + self.backlog

    @property
    def demand(self) -> float:
        """Requests/s to serve now."""
        return max(self.load, self.throughput)

    @property
    def too_slow(self) -> bool:
        """One request in an idle pod already misses the objective."""
        return (
            self.pod is not None and self.pod.alone_milliseconds() > self.objective.max_milliseconds
        )

    def modelled(self, replicas: int) -> float | None:
        """Latency in milliseconds at a number of replicas; None when idle or overloaded."""
        if self.pod is None or self.demand <= 0 or replicas <= 0:
            return None
        latency = self.correction * self.pod.shared_latency_milliseconds(self.demand, replicas)
        return latency if math.isfinite(latency) else None


def look(situation: Situation, signal: Signal, forecast: Forecast) -> Outlook | None:
    """The outlook; None when requests arrive and nothing says how long one takes."""
    objective = situation.scaling.objective.latency
    asked = situation.scaling.objective.throughput
    outlook = Outlook(
        objective=objective,
        forecast=forecast,
        backlog=_backlog(situation, signal, forecast),
        throughput=asked.requests_per_second if asked else 0.0,
        held=1,
        ahead=1,
        kept=1,
        reachable=True,
        pod=_pod(situation, signal, objective.percentile),
        correction=situation.history.correction.factor,
    )
    if outlook.pod is None:
        return outlook if max(outlook.forecast.ahead, outlook.demand) <= 0 else None
    return _staffed(outlook, outlook.pod, situation)


def _pod(situation: Situation, signal: Signal, percentile: int) -> PodModel | None:
    pod = pod_model(
        situation.capacity,
        _service(situation, signal),
        batching=situation.batching,
        instances=situation.instances,
        percentile=percentile,
        balancing=situation.balancing,
    )
    measured, service = signal.latency_milliseconds, signal.service
    if pod is None or not measured or not service or not is_enough(service.requests, percentile):
        return pod
    return pod.within(measured)


def _staffed(outlook: Outlook, pod: PodModel, situation: Situation) -> Outlook:
    most, current = situation.scaling.max_replicas, situation.current
    limit = outlook.objective.max_milliseconds
    if not outlook.too_slow:
        # No correction makes an objective impossible that a request alone has kept.
        limit = max(limit / outlook.correction, pod.alone_milliseconds())
    strict = replace(pod, percentile=_strict(pod.percentile, pod.balancing))
    held = max(outlook.forecast.held, outlook.throughput)
    lately = _fewest(pod, limit, held, most)
    now = _fewest(pod, limit, outlook.demand, most)
    expected, error = outlook.forecast.ahead, outlook.forecast.error
    ahead = _fewest(strict, limit, expected, most)
    kept = _fewest(strict, limit, expected + RELEASE_ERRORS * error, most)
    if ahead > current:
        surely = _fewest(strict, limit, max(expected - ORDER_ERRORS * error, 0.0), most)
        ahead = ahead if surely > current else current
    return replace(
        outlook,
        held=min(lately, most),
        ahead=min(max(now, ahead), most),
        kept=min(max(now, kept), most),
        reachable=now <= most,
    )


def _strict(percentile: float, balancing: Balancing) -> float:
    """The percentile to plan for. A median needs no more: half of a minute's requests is many."""
    if percentile <= MEDIAN:
        return percentile
    return 100 - (100 - percentile) * LATE_SHARE[balancing]


def _service(situation: Situation, signal: Signal) -> ServiceTime | None:
    """While pods start, what was measured before: they take CPU from their neighbours."""
    if situation.settled:
        return signal.service or situation.history.service
    return situation.history.service or signal.service


def _backlog(situation: Situation, signal: Signal, forecast: Forecast) -> float:
    """A backlog counts only when no pod is on its way: it grows because that pod is not up."""
    if not situation.settled:
        return 0.0
    return min(signal.waiting / BACKLOG_SECONDS, max(forecast.level, forecast.held))


def _fewest(pod: PodModel, limit: float, demand: float, most: int) -> int:
    """The least replicas that keep the limit at this demand; most + 1 when not even `most` do."""
    return _least(_enough(pod, limit, demand), pod.fewest(demand), most)


def _enough(pod: PodModel, limit: float, demand: float) -> Callable[[int], bool]:
    """Whether a number of replicas does; of a model that is too slow only the load is asked."""
    if pod.alone_milliseconds() > limit:
        return lambda replicas: pod.carries(demand, replicas)
    return lambda replicas: pod.shared_latency_milliseconds(demand, replicas) <= limit


def _least(enough: Callable[[int], bool], fewest: int, most: int) -> int:
    """The smallest number that is enough; most + 1 when none is. More never is less.

    Searched upwards from `fewest`, in growing strides: the answer is mostly one or two above, and
    each other number asked about would be a queue to compute.
    """
    low = high = min(fewest, most + 1)
    stride = 1
    while high <= most and not enough(high):
        low, high, stride = high + 1, high + stride, 2 * stride
    high = min(high, most + 1)
    return low + bisect_left(range(low, high), 1, key=enough)
