"""Which pod a request waits for: one line before all pods, or one before each."""

from bisect import insort
from dataclasses import dataclass
from math import inf
from typing import Protocol

import numpy as np

from trifocal.autoscaling.simulation.arrivals import Load
from trifocal.autoscaling.simulation.executions import Executions, merged
from trifocal.autoscaling.simulation.line import InBatches, Line, new_line
from trifocal.autoscaling.simulation.policy import Setting


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

    def advance(self, until: float) -> Executions:
        """Starts all executions that start before `until`."""


def queues(load: Load, setting: Setting) -> Queues:
    """The queues that the setting's balancing means."""
    return (
        SharedQueue(load, setting) if setting.balancing == "shared" else BlindQueues(load, setting)
    )


class SharedQueue:
    """One queue for all pods. No request belongs to a pod before it starts."""

    def __init__(self, load: Load, setting: Setting) -> None:
        self._line = new_line(setting, load.arrivals)

    @property
    def waiting(self) -> bool:
        """Whether a request has come, or will, that has not started."""
        return self._line.waiting

    def add(self, pod: Pod) -> None:
        """The pod takes part from its `ready_at` on."""
        self._line.add(pod.number, pod.ready_at)

    def remove(self, pod: Pod, now: float) -> None:
        """The pod takes nothing more; it is gone when its execution ends."""
        free_at = self._line.remove(pod.number)
        pod.removed_at = now if pod.ready_at > now else max(now, free_at)

    def advance(self, until: float) -> Executions:
        """Starts all executions that start before `until`."""
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
        self._arrivals, self._choices = load.arrivals, load.choices
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
        line = InBatches(self._setting, np.empty(0))
        line.add(pod.number, pod.ready_at)
        insort(self._starting, _Member(pod=pod, line=line), key=lambda member: member.pod.ready_at)

    def remove(self, pod: Pod, now: float) -> None:
        """The pod is given nothing more; it is gone when it has executed all that it holds."""
        pod.removed_at = now
        self._starting = [member for member in self._starting if member.pod is not pod]
        self._draining += [member for member in self._ready if member.pod is pod]
        self._ready = [member for member in self._ready if member.pod is not pod]
        self._let_go(now)

    def advance(self, until: float) -> Executions:
        """Starts all executions that start before `until`."""
        done: list[Executions] = []
        while self._now < until:
            self._admit()
            edge = min([until, *(member.pod.ready_at for member in self._starting)])
            self._give(edge)
            busy = (m for m in (*self._ready, *self._draining) if m.line.waiting)
            done += [member.line.serve(edge) for member in busy]
            self._let_go(self._now)
            self._now = edge
        return merged([one for one in done if len(one.start)])

    def _admit(self) -> None:
        while self._starting and self._starting[0].pod.ready_at <= self._now:
            self._ready.append(self._starting.pop(0))

    def _give(self, until: float) -> None:
        """Gives each request that has come before `until` to a pod that is ready now."""
        if not self._ready:
            return
        last = self._given + int(np.searchsorted(self._arrivals[self._given :], until))
        requests = self._arrivals[self._given : last]
        chosen = (self._choices[self._given : last] * len(self._ready)).astype(np.int64)
        by_pod = np.argsort(chosen, kind="stable")
        ends = np.cumsum(np.bincount(chosen, minlength=len(self._ready)))
        for member, given in zip(self._ready, np.split(requests[by_pod], ends[:-1]), strict=True):
            if len(given):
                member.line.join(given)
        self._given = last

    def _let_go(self, now: float) -> None:
        """Pods that drain are gone when they hold nothing more; until then, at the earliest now."""
        for member in self._draining:
            member.pod.removed_at = max(now, member.line.free_at(member.pod.number))
        self._draining = [member for member in self._draining if member.line.waiting]
