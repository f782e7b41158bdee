"""Plays one job's requests against one policy: orders pods, starts them late, and drains them."""

from bisect import bisect_right
from dataclasses import dataclass
from math import ceil

import numpy as np
from numpy.typing import NDArray

from trifocal.autoscaling.simulation.arrivals import Load
from trifocal.autoscaling.simulation.executions import NONE
from trifocal.autoscaling.simulation.policy import Pods, Policy, Setting
from trifocal.autoscaling.simulation.queues import Pod, Queues, queues
from trifocal.autoscaling.simulation.record import Record
from trifocal.autoscaling.simulation.trace import MINUTE_SECONDS, busy_replicas

WORK_OFF_SECONDS = 3600.0
"""How long after the trace the policy is still asked while requests wait. A request of the trace
that an hour of no other load has not answered stays unanswered: nobody is left to wait for it."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Outcome:
    """What one policy has done with one job. Times in seconds from the start of the trace."""

    load: Load
    pods: tuple[Pod, ...]
    """All that were ordered, in this order."""
    orders: tuple[tuple[float, int], ...]
    """The ordered number from each time on, where it changed; the first is the initial one."""
    came: NDArray[np.float64]
    """When each answered request had come."""
    latency: NDArray[np.float64]
    """Of each answered request."""


class Fleet:
    """One job's pods."""

    def __init__(self, queues: Queues, record: Record, setting: Setting, initial: int) -> None:
        self._queues, self._record, self._setting = queues, record, setting
        self._starting: list[Pod] = []
        """In the order of their order, so the first becomes ready first."""
        self._ready: list[Pod] = []
        self.all: list[Pod] = []
        self.orders = [(0.0, initial)]
        self._add(initial, now=0.0, ready_at=0.0)
        self.settle(0.0)

    @property
    def pods(self) -> Pods:
        """The pods of this moment; what drains is neither ordered nor ready."""
        return Pods(ordered=len(self._starting) + len(self._ready), ready=len(self._ready))

    @property
    def has_work(self) -> bool:
        """Whether a request has come, or will, that has not started."""
        self._record.catch_up()
        return self._queues.waiting

    def settle(self, now: float) -> None:
        """Pods whose cold start is over are ready."""
        if not self._starting:
            return
        count = bisect_right(self._starting, now, key=lambda pod: pod.ready_at)
        self._record.pods(readied=[pod.ready_at for pod in self._starting[:count]])
        self._ready += self._starting[:count]
        del self._starting[:count]

    def order(self, replicas: int, now: float) -> None:
        """Orders pods, or takes back the newest: starting ones first, then ready ones."""
        ordered = self.pods.ordered
        if replicas == ordered:
            return
        self._record.catch_up()
        self.orders.append((now, replicas))
        self._add(replicas - ordered, now=now, ready_at=now + self._setting.cold_start_seconds)
        for _ in range(ordered - replicas):
            self._remove(now)
        self.settle(now)

    def _remove(self, now: float) -> None:
        if self._starting:
            pod = self._starting.pop()
        else:
            pod = self._ready.pop()
            self._record.pods(left=[now])
        pod.left_at = now
        self._queues.remove(pod, now)

    def _add(self, count: int, *, now: float, ready_at: float) -> None:
        for _ in range(count):
            pod = Pod(number=len(self.all), ordered_at=now, ready_at=ready_at)
            self.all.append(pod)
            self._starting.append(pod)
            self._queues.add(pod)


def simulate(load: Load, setting: Setting, policy: Policy, initial: int | None = None) -> Outcome:
    """Plays the load until every request is answered; the policy is asked from time 0 on.

    Args:
        load: The job's requests.
        setting: What serves them. Its bounds hold for the initial number and for the policy.
        policy: A fresh one.
        initial: Pods that are ready at the start; by default `initial_replicas`.
    """
    if policy.period_seconds <= 0:
        raise ValueError(f"A policy decides every few seconds, not every {policy.period_seconds}.")
    line = queues(load, setting)
    record = Record(load.arrivals, line.advance)
    start = initial_replicas(load, setting) if initial is None else initial
    fleet = Fleet(line, record, setting, _within(setting, start))
    step, now = 0, 0.0
    while now < load.seconds or (now < load.seconds + WORK_OFF_SECONDS and fleet.has_work):
        fleet.order(_within(setting, policy.decide(now, fleet.pods, record)), now)
        step += 1
        now = record.now = step * policy.period_seconds
        fleet.settle(now)
    record.catch_up()
    record.advance(np.inf, NONE)
    came, latency = record.answers()
    return Outcome(
        load=load, pods=tuple(fleet.all), orders=tuple(fleet.orders), came=came, latency=latency
    )


def initial_replicas(load: Load, setting: Setting) -> int:
    """What the first minute's load keeps busy, rounded up; the setting's minimum at least."""
    seconds = min(MINUTE_SECONDS, load.seconds)
    first = int(np.searchsorted(load.arrivals, seconds))
    return _within(setting, ceil(busy_replicas(first / seconds, setting)))


def _within(setting: Setting, replicas: int) -> int:
    return max(setting.min_replicas, min(replicas, setting.max_replicas))
