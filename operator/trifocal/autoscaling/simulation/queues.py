"""How requests wait for pods and are executed in batches: one queue for all pods, or one for each.

First come, first served. A pod that is free takes what waits, at most a full batch, and does not
wait for more; that is Triton's dynamic batcher without a delay. Requests are no objects: a queue
is a list of arrival times and an index, so that millions of them take seconds.
"""

from bisect import bisect_left, insort
from collections.abc import Sequence
from dataclasses import dataclass
from heapq import heapify, heappush, heapreplace
from math import inf
from typing import Protocol

from trifocal.autoscaling.simulation.arrivals import Load
from trifocal.autoscaling.simulation.policy import Setting

Execution = tuple[float, float, Sequence[float]]
"""When a batch ended and started, and when its requests had come. A plain tuple sorts by its end,
and is made in a third of the time of any class."""


@dataclass(slots=True, kw_only=True)
class Pod:
    """One pod from its order to its removal. Times in seconds."""

    number: int
    """In the order in which pods were ordered."""
    ordered_at: float
    ready_at: float
    left_at: float = inf
    """When it was cancelled, or stopped taking requests."""
    removed_at: float = inf
    """When it was cancelled, or had drained."""


class Queues(Protocol):
    """Where requests wait, by the setting's balancing."""

    @property
    def waiting(self) -> bool:
        """Whether a request has come, or will, that has not started."""

    def add(self, pod: Pod) -> None:
        """A pod was ordered; it takes requests from its `ready_at` on."""

    def remove(self, pod: Pod, now: float) -> None:
        """The pod is cancelled, or drains: it finishes what it holds. Sets its `removed_at`."""

    def advance(self, until: float) -> list[Execution]:
        """Starts all executions that start before `until`; in the order of their start."""


def queues(load: Load, setting: Setting) -> Queues:
    """The queues that the setting's balancing means."""
    return (
        SharedQueue(load, setting) if setting.balancing == "shared" else BlindQueues(load, setting)
    )


class Line:
    """One queue before one or more pods."""

    def __init__(self, setting: Setting, arrivals: list[float]) -> None:
        self._max_batch = setting.max_batch
        self._seconds = [setting.execution_seconds(n) for n in range(setting.max_batch + 1)]
        self._head = 0
        """Index of the first request that has not started."""
        self.arrivals = arrivals
        self.free: list[tuple[float, int]] = []
        """A heap: when each pod is free, or ready, for its next batch, and the pod's number."""

    @property
    def waiting(self) -> bool:
        """Whether a request has not started."""
        return self._head < len(self.arrivals)

    def serve(self, until: float) -> list[Execution]:
        """Starts what starts before `until`. The pod that has been free for longest comes first."""
        arrivals, free, head, end_of_line = self.arrivals, self.free, self._head, len(self.arrivals)
        done: list[Execution] = []
        while head < end_of_line and free:
            free_at, pod = free[0]
            start = arrivals[head]
            if start < free_at:  # noqa: PLR1730 - max() is a call, in the loop that takes the time
                start = free_at
            if start >= until:
                break
            full = min(head + self._max_batch, end_of_line)
            tail = head + 1
            while tail < full and arrivals[tail] <= start:
                tail += 1
            end = start + self._seconds[tail - head]
            heapreplace(free, (end, pod))
            done.append((end, start, arrivals[head:tail]))
            head = tail
        self._head = head
        return done


class SharedQueue:
    """One queue for all pods. No request belongs to a pod before it starts."""

    def __init__(self, load: Load, setting: Setting) -> None:
        self._line = Line(setting, load.arrivals.tolist())

    @property
    def waiting(self) -> bool:
        """Whether a request has come, or will, that has not started."""
        return self._line.waiting

    def add(self, pod: Pod) -> None:
        """The pod takes part from its `ready_at` on."""
        heappush(self._line.free, (pod.ready_at, pod.number))

    def remove(self, pod: Pod, now: float) -> None:
        """The pod takes nothing more; it is gone when its execution ends."""
        free_at = next(at for at, number in self._line.free if number == pod.number)
        self._line.free.remove((free_at, pod.number))
        heapify(self._line.free)
        pod.removed_at = now if pod.ready_at > now else max(now, free_at)

    def advance(self, until: float) -> list[Execution]:
        """Starts all executions that start before `until`, in the order of their start."""
        return self._line.serve(until)


@dataclass(slots=True, kw_only=True, eq=False)
class _Member:
    """A pod and its own queue."""

    pod: Pod
    line: Line


class BlindQueues:
    """A queue for each pod. A request is given to a ready pod by chance when it arrives.

    Requests that find no pod ready wait outside, and are given to the next that becomes ready.
    """

    def __init__(self, load: Load, setting: Setting) -> None:
        self._setting = setting
        self._arrivals: list[float] = load.arrivals.tolist()
        self._choices: list[float] = load.choices.tolist()
        self._given = 0
        """How many requests have been given to a pod."""
        self._now = 0.0
        self._starting: list[_Member] = []
        """Next to become ready first."""
        self._ready: list[_Member] = []
        self._draining: list[_Member] = []

    @property
    def waiting(self) -> bool:
        """Whether a request has come, or will, that has not started."""
        return self._given < len(self._arrivals) or any(
            member.line.waiting for member in (*self._ready, *self._draining)
        )

    def add(self, pod: Pod) -> None:
        """The pod is given requests from its `ready_at` on."""
        line = Line(self._setting, [])
        heappush(line.free, (pod.ready_at, pod.number))
        insort(self._starting, _Member(pod=pod, line=line), key=lambda member: member.pod.ready_at)

    def remove(self, pod: Pod, now: float) -> None:
        """The pod is given nothing more; it is gone when it has executed all that it holds."""
        leaving = [member for member in self._ready if member.pod is pod]
        self._ready = [member for member in self._ready if member.pod is not pod]
        self._starting = [member for member in self._starting if member.pod is not pod]
        self._draining += leaving
        pod.removed_at = now if not leaving else pod.removed_at
        self._let_go(now)

    def advance(self, until: float) -> list[Execution]:
        """Starts all executions that start before `until`, in the order of their start."""
        done: list[Execution] = []
        while self._now < until:
            self._admit()
            edge = min([until, *(member.pod.ready_at for member in self._starting)])
            self._give(edge)
            for member in (*self._ready, *self._draining):
                done += member.line.serve(edge)
            self._let_go(self._now)
            self._now = edge
        return sorted(done, key=lambda execution: execution[1])

    def _admit(self) -> None:
        while self._starting and self._starting[0].pod.ready_at <= self._now:
            self._ready.append(self._starting.pop(0))

    def _give(self, until: float) -> None:
        """Gives each request that has come before `until` to a pod that is ready now."""
        if not self._ready:
            return
        last = bisect_left(self._arrivals, until, self._given)
        lines = [member.line.arrivals for member in self._ready]
        pods = len(lines)
        for request in range(self._given, last):
            lines[int(self._choices[request] * pods)].append(self._arrivals[request])
        self._given = last

    def _let_go(self, now: float) -> None:
        """Removes pods that drain and hold nothing more."""
        for member in self._draining:
            if not member.line.waiting:
                member.pod.removed_at = max(now, member.line.free[0][0])
        self._draining = [member for member in self._draining if member.line.waiting]
