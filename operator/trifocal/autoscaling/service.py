"""How long a request takes on one pod at a given load: batches, instances, and the queue. Pure.

An execution of b requests takes tau(b). The Job measured tau on its own node; the serving pods'
counters say by which factor it differs where the model really runs. A free instance takes all
the requests that wait, up to the largest batch. Two kinds of bounds are computed, with W the
exact wait in the queue at the percentile, and the smallest is the modelled latency:

    one by one:      W at service time tau(1)      +  tau(1 + n)
    batches of b:    W at service time tau(b) / b  +  tau(b)  +  tau(b)

One by one: waiting together never makes the last of a batch later than waiting in turn, but each
must sit out the whole batch, with those that joined it later: n arrive during W, one standard
deviation more than on average.

Batches of b: the backlog worked off in full batches, the batch that is running, the own batch.
For one instance it holds for every sequence of arrivals: since a batch last took the whole queue,
all batches have been full but the one that was in progress.

Without batching, k instances share the pod's queue: W is M/D/k, and the sojourn exact. With it
they hardly do, for the first that is free takes all that wait: W is M/D/1 at the instance's part
of the load. The tests hold the result against a simulation of the batcher: it is never below,
mostly 1.4 to 2 times the truth, and up to 4.6 times for several instances that gain nothing by
batching. Waiting for a batch to fill (maxQueueDelayMicroseconds) is added as a whole.

Behind a Service the load of one pod is the deployment's divided by its pods: connections are
spread blindly, so pods share no queue, and none helps another. Behind a balancer that counts
outstanding requests all pods' instances work on one queue, as far as instances of a pod do.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from trifocal.api.serving import Batching
from trifocal.autoscaling.balancing import Balancing
from trifocal.autoscaling.queueing import MAX_UTILISATION, wait_percentile
from trifocal.autoscaling.signal import ServiceTime
from trifocal.optimizer.contract import CapacityPoint

MEDIAN = 50
ENOUGH_REQUESTS = 20
"""Answered requests from which on live counters correct the Job's measurement. The first ones
after a start pay for warming up, and would make the model look slow."""

_ROUNDING_PODS = 1e-9
"""Two pods at the very limit are two, whatever floating point says."""


@dataclass(frozen=True, kw_only=True)
class Execution:
    """One execution of some requests together on one instance."""

    requests: float
    milliseconds: float
    """How long it usually takes."""
    slow_milliseconds: float
    """How long it takes at the objective's percentile."""


@dataclass(frozen=True, kw_only=True)
class PodModel:
    """What one pod can do: the ways to batch, side by side on `instances` instances."""

    executions: tuple[Execution, ...]
    """By rising number of requests; the first is one request alone."""
    instances: int
    percentile: float
    delay_milliseconds: float
    """Longest that the batcher lets a request wait for others."""
    balancing: Balancing = "blind"

    def alone_milliseconds(self) -> float:
        """Latency of a request that meets an idle pod: no number of replicas can do better."""
        return self.executions[0].slow_milliseconds + self.delay_milliseconds

    def within(self, tail_milliseconds: float) -> "PodModel":
        """The same, knowing a measured tail at the percentile.

        It includes queueing, so a request alone takes no longer, whatever interrupted the Job.
        """
        alone, *rest = self.executions
        most = max(tail_milliseconds - self.delay_milliseconds, alone.milliseconds)
        if alone.slow_milliseconds <= most:
            return self
        return replace(self, executions=(replace(alone, slow_milliseconds=most), *rest))

    def latency_milliseconds(self, requests_per_second: float) -> float:
        """Latency at the percentile when one pod gets this rate; infinity when overloaded."""
        in_batches = (self._in_batches(e, requests_per_second) for e in self.executions[1:])
        return self.delay_milliseconds + min((self._one_by_one(requests_per_second), *in_batches))

    def shared_latency_milliseconds(self, requests_per_second: float, pods: int) -> float:
        """Latency at the percentile when all pods together get this rate; as above."""
        if self.balancing == "blind":
            return self.latency_milliseconds(requests_per_second / pods)
        # Spelled out, for it is asked dozens of times a decision, and `replace` is slow.
        together = PodModel(
            executions=self.executions,
            instances=self.instances * pods,
            percentile=self.percentile,
            delay_milliseconds=self.delay_milliseconds,
        )
        return together.latency_milliseconds(requests_per_second)

    def fewest(self, requests_per_second: float) -> int:
        """At least 1; with less than this every queue is overloaded, however it batches."""
        each = min(e.milliseconds / e.requests for e in self.executions) / 1000
        pods = requests_per_second * each / (MAX_UTILISATION * self.instances)
        return max(math.ceil(pods - _ROUNDING_PODS), 1)

    def carries(self, requests_per_second: float, pods: int = 1) -> bool:
        """Whether the queue stays finite at this rate, however long it is."""
        return math.isfinite(self.shared_latency_milliseconds(requests_per_second, pods))

    def _wait(self, execution: Execution, requests_per_second: float) -> float:
        occupied = execution.milliseconds / execution.requests
        utilisation = requests_per_second * occupied / 1000 / self.instances
        return occupied * wait_percentile(self._sharing, utilisation, self.percentile)

    @property
    def _sharing(self) -> int:
        """Instances that one queue counts on: a batcher hands all that wait to the first free."""
        return 1 if self.executions[-1].requests > 1 else self.instances

    def _one_by_one(self, requests_per_second: float) -> float:
        wait = self._wait(self.executions[0], requests_per_second)
        if math.isinf(wait):
            return wait
        joining = requests_per_second * wait / 1000
        shared = min(1 + joining + math.sqrt(joining), self.executions[-1].requests)
        curve = [(e.requests, e.slow_milliseconds) for e in self.executions]
        return wait + _interpolate(curve, shared)

    def _in_batches(self, execution: Execution, requests_per_second: float) -> float:
        wait = self._wait(execution, requests_per_second)
        return wait + execution.milliseconds + execution.slow_milliseconds


def pod_model(
    capacity: Iterable[CapacityPoint],
    measured: ServiceTime | None,
    *,
    batching: Batching,
    instances: int,
    percentile: int,
    balancing: Balancing = "blind",
) -> PodModel | None:
    """What is known about one pod; None when neither the Job nor a pod has measured anything.

    Args:
        capacity: The Job's measurements: batch size to execution time.
        measured: The live pods' counters.
        batching: Triton's batching, which limits the size and may add a delay.
        instances: Copies of the model in one pod.
        percentile: The objective's percentile.
        balancing: How requests are spread over pods.
    """
    points = sorted(
        (p for p in capacity if p.batch <= batching.max_batch_size and p.p50_milliseconds > 0),
        key=lambda p: p.batch,
    )
    executions = (
        _from_capacity(points, measured, percentile) if points else _from_counters(measured)
    )
    if not executions:
        return None
    return PodModel(
        executions=executions,
        instances=instances,
        percentile=percentile,
        delay_milliseconds=batching.max_queue_delay_microseconds / 1000,
        balancing=balancing,
    )


def _from_counters(measured: ServiceTime | None) -> tuple[Execution, ...]:
    """Only the batch size at work now is known, and a request alone takes no longer than it."""
    if measured is None or measured.execution_milliseconds <= 0:
        return ()
    alone = Execution(
        requests=1,
        milliseconds=measured.execution_milliseconds,
        slow_milliseconds=measured.execution_milliseconds,
    )
    if measured.requests_per_execution <= 1:
        return (alone,)
    return (alone, replace(alone, requests=measured.requests_per_execution))


def _from_capacity(
    points: Sequence[CapacityPoint], measured: ServiceTime | None, percentile: int
) -> tuple[Execution, ...]:
    """The Job's curve in requests (not items), times how much slower the live pods are."""
    items = measured.inferences_per_request if measured else 1.0
    factor = _slowdown(points, measured)
    batches = [items, *(float(p.batch) for p in points if p.batch > items)]
    median = percentile <= MEDIAN
    return tuple(_execution(points, batch, items, factor, median=median) for batch in batches)


def _execution(
    points: Sequence[CapacityPoint], batch: float, items: float, factor: float, *, median: bool
) -> Execution:
    """A batch on pods that take `factor` times as long as the Job.

    What interrupts an execution on a shared node takes as long however long the execution is: in
    pods that are slower, by a limit of CPU for instance, it is no longer than in the Job. Scaled
    with them, interruptions of 0.3 ms have become a second, and every objective impossible.
    """
    typical = _typical(points, batch)
    interruption = 0.0 if median else _slow(points, batch) - typical
    return Execution(
        requests=batch / items,
        milliseconds=factor * typical,
        slow_milliseconds=factor * typical + min(factor, 1.0) * interruption,
    )


def _slowdown(points: Sequence[CapacityPoint], measured: ServiceTime | None) -> float:
    if measured is None or measured.requests < ENOUGH_REQUESTS:
        return 1.0
    batch = measured.requests_per_execution * measured.inferences_per_request
    return measured.execution_milliseconds / _typical(points, batch)


def _typical(points: Sequence[CapacityPoint], batch: float) -> float:
    return _interpolate([(p.batch, p.p50_milliseconds) for p in points], batch)


def _slow(points: Sequence[CapacityPoint], batch: float) -> float:
    return _interpolate(
        [(p.batch, max(p.p99_milliseconds, p.p50_milliseconds)) for p in points], batch
    )


def _interpolate(curve: Sequence[tuple[float, float]], batch: float) -> float:
    """Linear between measured sizes; below the first its value, above the last in proportion."""
    (left, low), *rest = curve
    if batch <= left:
        return low
    for right, high in rest:
        if batch <= right:
            return low + (high - low) * (batch - left) / (right - left)
        left, low = right, high
    return low * batch / left
