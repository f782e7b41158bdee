"""How requests wait in line and are executed, by one pod or by several.

First come, first served, by the pod that has been free for longest. A pod that is free takes what
waits, at most a full batch, and does not wait for more; that is Triton's dynamic batcher without a
delay. Millions of requests are to take seconds, so they are no objects, and the two loops below do
no more than they must.
"""

from bisect import bisect_right, insort
from collections import deque
from heapq import heapify, heappush, heapreplace
from itertools import pairwise
from typing import Protocol

import numpy as np

from trifocal.autoscaling.simulation.executions import NONE, Executions, Floats
from trifocal.autoscaling.simulation.policy import Setting

_AT_ONCE = 1024
"""Requests that are looked at together: a long queue is not copied whole for the few that start."""


class Line(Protocol):
    """One queue before one or more pods. Times in seconds."""

    @property
    def waiting(self) -> bool:
        """Whether a request has not started."""

    def join(self, requests: Floats) -> None:
        """Requests come, ascending, after all that are in line."""

    def add(self, pod: int, ready_at: float) -> None:
        """A pod takes requests from `ready_at` on, which is not before that of any pod here."""

    def remove(self, pod: int) -> float:
        """A pod takes nothing more; returns when it is free."""

    def free_at(self, pod: int) -> float:
        """When the pod ends its last execution, or is ready if it has had none."""

    def serve(self, until: float) -> Executions:
        """Starts what starts before `until`."""


def new_line(setting: Setting, arrivals: Floats) -> Line:
    """A line of these requests, with no pod yet."""
    if setting.max_batch == 1:
        return OneByOne(setting, arrivals)
    return InBatches(setting, arrivals)


class OneByOne:
    """A line without batches. All executions take equally long.

    So pods become free in the order in which they have started, and stand in a line themselves:
    the next request goes to the first, which then is the last. A pod that is not ready yet joins
    them when the next execution would end after it is.
    """

    def __init__(self, setting: Setting, arrivals: Floats) -> None:
        self._seconds = setting.execution_seconds(1)
        self._arrivals = arrivals
        self._head = 0
        """Index of the first request that has not started."""
        self._free: deque[float] = deque(maxlen=0)
        """When each pod is free, ascending, and `_pods` their numbers."""
        self._pods: deque[int] = deque()
        self._starting: list[tuple[float, int]] = []

    @property
    def waiting(self) -> bool:
        """Whether a request has not started."""
        return self._head < len(self._arrivals)

    def join(self, requests: Floats) -> None:
        """Requests come, after all that are in line."""
        self._arrivals = np.concatenate((self._arrivals[self._head :], requests))
        self._head = 0

    def add(self, pod: int, ready_at: float) -> None:
        """A pod takes requests from `ready_at` on."""
        insort(self._starting, (ready_at, pod))

    def remove(self, pod: int) -> float:
        """A pod takes nothing more; returns when it is free."""
        free_at = self.free_at(pod)
        if pod in self._pods:
            free = list(self._free)
            del free[self._pods.index(pod)]
            self._free = deque(free, maxlen=len(free))
            self._pods.remove(pod)
        else:
            self._starting.remove((free_at, pod))
        return free_at

    def free_at(self, pod: int) -> float:
        """When the pod ends its last execution, or is ready if it has had none."""
        if pod in self._pods:
            return self._free[self._pods.index(pod)]
        return next(at for at, number in self._starting if number == pod)

    def serve(self, until: float) -> Executions:
        """Starts what starts before `until`."""
        if not self.waiting:
            return NONE
        first = self._head
        last = first + int(np.searchsorted(self._arrivals[first:], until))
        starts: list[float] = []
        while self._head < last and (self._free or self._starting):
            self._let_join()
            if not self._serve_some(min(last, self._head + _AT_ONCE), until, starts):
                break
        start = np.array(starts)
        came = self._arrivals[first : self._head]
        return Executions(start, start + self._seconds, np.ones(len(start), np.int64), came)

    def _let_join(self) -> None:
        """Pods that are ready before the next execution ends stand in line with the others."""
        came = float(self._arrivals[self._head])
        while self._starting and (
            not self._free or max(came, self._free[0]) + self._seconds >= self._starting[0][0]
        ):
            ready_at, pod = self._starting.pop(0)
            free = list(self._free)
            place = bisect_right(free, ready_at)
            free.insert(place, ready_at)
            self._free = deque(free, maxlen=len(free))
            self._pods.insert(place, pod)

    def _serve_some(self, last: int, until: float, starts: list[float]) -> int:
        """Serves requests before the index `last`, until a pod joins; returns how many."""
        free, seconds = self._free, self._seconds
        joins_at = self._starting[0][0] if self._starting else np.inf
        served = len(starts)
        for came in self._arrivals[self._head : last].tolist():
            free_at = free[0]
            start = came if came > free_at else free_at  # noqa: FURB136 - max() is a call
            end = start + seconds
            if start >= until or end >= joins_at:
                break
            free.append(end)  # The first leaves.
            starts.append(start)
        served = len(starts) - served
        self._head += served
        self._pods.rotate(-served)
        return served


class InBatches:
    """A line of which a free pod takes up to a full batch. Quicker for few requests."""

    def __init__(self, setting: Setting, arrivals: Floats) -> None:
        self._max_batch = setting.max_batch
        self._seconds = [setting.execution_seconds(n) for n in range(setting.max_batch + 1)]
        self._arrivals: list[float] = arrivals.tolist()
        self._head = 0
        """Index of the first request that has not started."""
        self._free: list[tuple[float, int]] = []
        """A heap: when each pod is free, or ready, for its next batch, and the pod's number."""

    @property
    def waiting(self) -> bool:
        """Whether a request has not started."""
        return self._head < len(self._arrivals)

    def join(self, requests: Floats) -> None:
        """Requests come, after all that are in line."""
        self._arrivals += requests.tolist()

    def add(self, pod: int, ready_at: float) -> None:
        """A pod takes requests from `ready_at` on."""
        heappush(self._free, (ready_at, pod))

    def remove(self, pod: int) -> float:
        """A pod takes nothing more; returns when it is free."""
        free_at = self.free_at(pod)
        self._free.remove((free_at, pod))
        heapify(self._free)
        return free_at

    def free_at(self, pod: int) -> float:
        """When the pod ends its last execution, or is ready if it has had none."""
        return next(at for at, number in self._free if number == pod)

    def serve(self, until: float) -> Executions:
        """Starts what starts before `until`."""
        arrivals, free, head = self._arrivals, self._free, self._head
        end_of_line = len(arrivals)
        starts: list[float] = []
        ends: list[float] = []
        heads = [head]
        while head < end_of_line and free:
            free_at, pod = free[0]
            came = arrivals[head]
            start = came if came > free_at else free_at  # noqa: FURB136 - max() is a call
            if start >= until:
                break
            full, tail = head + self._max_batch, head + 1
            while tail < full and tail < end_of_line and arrivals[tail] <= start:
                tail += 1
            end = start + self._seconds[tail - head]
            heapreplace(free, (end, pod))
            starts.append(start)
            ends.append(end)
            heads.append(tail)
            head = tail
        self._head = head
        sizes = np.array([after - before for before, after in pairwise(heads)], np.int64)
        came_in_batches = np.array(arrivals[heads[0] : head])
        return Executions(np.array(starts), np.array(ends), sizes, came_in_batches)
