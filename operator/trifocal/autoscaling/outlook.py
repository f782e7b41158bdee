"""What a decision is made from, and what the model says: the least replicas that do. Pure."""

import math
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from trifocal.api.scaling import LatencyObjective, ScalingSpec
from trifocal.api.serving import Batching
from trifocal.autoscaling.history import History
from trifocal.autoscaling.service import PodModel, pod_model
from trifocal.autoscaling.signal import NoData, ServiceTime, Signal
from trifocal.optimizer.contract import CapacityPoint

BACKLOG_SECONDS = 30.0
"""Waiting requests are to be served within this time, on top of the arriving ones. Long against
the few that wait in a healthy queue, short against what people wait for a recovery."""


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

    @property
    def settled(self) -> bool:
        """Every ordered pod is ready."""
        return self.ready >= self.current


@dataclass(frozen=True, kw_only=True)
class Outlook:
    """What the model says about the present load."""

    objective: LatencyObjective
    load: float
    """Requests/s that arrive, and those that work off a backlog."""
    throughput: float
    """Requests/s that must be possible at any time; 0 when nothing is asked for."""
    replicas: int
    """The least that meets the objective, from 1 to maxReplicas."""
    reachable: bool
    """Whether it is met at that number; False only at maxReplicas."""
    pod: PodModel | None
    """None when nothing was ever measured, and there is nothing to plan for."""

    @property
    def demand(self) -> float:
        """Requests/s to plan for."""
        return max(self.load, self.throughput)

    @property
    def too_slow(self) -> bool:
        """One request in an idle pod already misses the objective."""
        return (
            self.pod is not None and self.pod.alone_milliseconds() > self.objective.max_milliseconds
        )

    def modelled(self, replicas: int) -> float | None:
        """Latency in milliseconds at a number of replicas; None when idle or overloaded."""
        if self.pod is None or self.demand <= 0:
            return None
        latency = self.pod.latency_milliseconds(self.demand / replicas)
        return latency if math.isfinite(latency) else None


def look(situation: Situation, signal: Signal) -> Outlook | None:
    """The outlook; None when requests arrive and nothing says how long one takes."""
    scaling = situation.scaling
    objective = scaling.objective.latency
    pod = pod_model(
        situation.capacity,
        _service(situation, signal),
        batching=situation.batching,
        instances=situation.instances,
        percentile=objective.percentile,
    )
    load = _load(situation, signal)
    asked = scaling.objective.throughput
    outlook = Outlook(
        objective=objective,
        load=load,
        throughput=asked.requests_per_second if asked else 0.0,
        replicas=1,
        reachable=True,
        pod=pod,
    )
    if pod is None:
        return outlook if outlook.demand <= 0 else None
    replicas = _least(_enough(pod, objective, outlook.demand), scaling.max_replicas)
    return replace(
        outlook,
        replicas=min(replicas, scaling.max_replicas),
        reachable=replicas <= scaling.max_replicas,
    )


def _service(situation: Situation, signal: Signal) -> ServiceTime | None:
    """While pods start, what was measured before: they take CPU from their neighbours."""
    if situation.settled:
        return signal.service or situation.history.service
    return situation.history.service or signal.service


def _load(situation: Situation, signal: Signal) -> float:
    """A backlog counts only when no pod is on its way: it grows because that pod is not up."""
    backlog = signal.waiting / BACKLOG_SECONDS if situation.settled else 0.0
    return signal.arrivals_per_second + backlog


def _enough(pod: PodModel, objective: LatencyObjective, demand: float) -> Callable[[int], bool]:
    """Whether a number of replicas does; of a model that is too slow only the load is asked."""
    if pod.alone_milliseconds() > objective.max_milliseconds:
        return lambda replicas: pod.carries(demand / replicas)
    return lambda replicas: (
        pod.latency_milliseconds(demand / replicas) <= objective.max_milliseconds
    )


def _least(enough: Callable[[int], bool], most: int) -> int:
    """The smallest number that is enough; most + 1 when none is. More never is less."""
    return 1 + bisect_left(range(1, most + 1), 1, key=enough)
