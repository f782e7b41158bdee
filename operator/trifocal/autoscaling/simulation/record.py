"""What has happened to one job so far: the telemetry that policies ask, exact and never early."""

import math
from array import array
from collections.abc import Callable, Sequence

import numpy as np

from trifocal.autoscaling.simulation.executions import NONE, Executions, Floats
from trifocal.autoscaling.simulation.moments import Moments


def _nothing(_until: float) -> Executions:
    return NONE


class Record:
    """A `Telemetry` at the time `now`; what windows reach beyond it is cut off.

    Executions are known when they start, but their end is no part of the record before its time.
    They are played when somebody asks: the steps of a policy that asks nothing cost nothing.
    """

    def __init__(self, arrivals: Floats, play: Callable[[float], Executions] = _nothing) -> None:
        """Args: all arrivals of the trace, and what starts the executions up to a time."""
        self.now = 0.0
        self._play = play
        self._played = 0.0
        self._came = Moments(arrivals)
        """All of the trace: nothing may look at it beyond `now`."""
        self._started = Moments()
        self._answered = Moments()
        self._answered_came = array("d")
        """When each request of `_answered` had come."""
        self._began = Moments()
        self._ended = Moments()
        self._running = np.empty(0)
        """Ends of the executions that have started and not ended, ascending."""
        self._due = np.empty(0)
        """The same for each request, and when it had come."""
        self._due_came = np.empty(0)
        self._readied = Moments()
        self._left = Moments()

    def catch_up(self) -> None:
        """Plays what has happened until `now`; to be called before pods come or go."""
        if self._played < self.now:
            self.advance(self.now, self._play(self.now))

    def advance(self, now: float, started: Executions) -> None:
        """Time has passed until `now`, and executions have started."""
        self.now = self._played = now
        if not len(started.start) and not len(self._running):
            return
        self._began.extend(started.start)
        self._started.extend(started.request_start)
        running = np.sort(np.concatenate((self._running, started.end)), kind="stable")
        ended = int(np.searchsorted(running, now))
        self._ended.extend(running[:ended])
        self._running = running[ended:]
        self._answer(now, started)

    def _answer(self, now: float, started: Executions) -> None:
        due = np.concatenate((self._due, started.request_end))
        order = np.argsort(due, kind="stable")
        due = due[order]
        came = np.concatenate((self._due_came, started.came))[order]
        answered = int(np.searchsorted(due, now))
        self._answered.extend(due[:answered])
        self._answered_came.frombytes(came[:answered].tobytes())
        self._due, self._due_came = due[answered:], came[answered:]

    def pods(self, readied: Sequence[float] = (), left: Sequence[float] = ()) -> None:
        """Pods became ready, or stopped taking requests, at these times: ascending, until `now`."""
        self._readied.extend(readied)
        self._left.extend(left)

    def arrived(self, since: float, until: float) -> int:
        """Requests that came."""
        return self._came.count(*self._known(since, until))

    def answered(self, since: float, until: float) -> int:
        """Requests that were answered."""
        return self._answered.count(*self._known(since, until))

    def executions(self, since: float, until: float) -> int:
        """Batches that ended."""
        return self._ended.count(*self._known(since, until))

    def busy_seconds(self, since: float, until: float) -> float:
        """Time that pods spent executing, over all pods, draining ones included."""
        return self._between(self._began, self._ended, since, until)

    def ready_seconds(self, since: float, until: float) -> float:
        """Time that pods were ready, over all pods; one that drains is not."""
        return self._between(self._readied, self._left, since, until)

    def in_system(self, since: float, until: float) -> float:
        """Mean number of requests that wait or are executed; 0 for an empty window."""
        since, until = self._known(since, until)
        if until <= since:
            return 0.0
        return self._between(self._came, self._answered, since, until) / (until - since)

    def waiting(self, at: float) -> int:
        """Requests that wait for execution."""
        self.catch_up()
        at = min(at, self.now)
        return self._came.before(at) - self._started.before(at)

    def latency(self, percentile: float, since: float, until: float) -> float | None:
        """The smallest latency that `percentile` % of the window's answers keep (nearest rank)."""
        latencies = self._latencies(since, until)
        if not len(latencies):
            return None
        rank = max(math.ceil(len(latencies) * percentile / 100 - _ROUNDING), 1)
        return float(np.partition(latencies, rank - 1)[rank - 1])

    def mean_latency(self, since: float, until: float) -> float | None:
        """Mean latency of the requests answered in the window; None without any."""
        latencies = self._latencies(since, until)
        return float(latencies.mean()) if len(latencies) else None

    def answers(self) -> tuple[Floats, Floats]:
        """When each answered request had come, and its latency; in the order of the answers."""
        came = np.frombuffer(self._answered_came[:])
        return came, self._answered.slice(0, len(self._answered)) - came

    def _known(self, since: float, until: float) -> tuple[float, float]:
        """The part of a window that has happened."""
        self.catch_up()
        since = min(max(since, 0.0), self.now)
        return since, max(min(until, self.now), since)

    def _between(self, into: Moments, out: Moments, since: float, until: float) -> float:
        """Integral of what had come in and not gone out."""
        window = self._known(since, until)
        return into.integral(*window) - out.integral(*window)

    def _latencies(self, since: float, until: float) -> Floats:
        first, last = (self._answered.before(at) for at in self._known(since, until))
        came = np.frombuffer(self._answered_came[first:last])
        return self._answered.slice(first, last) - came


_ROUNDING = 1e-9
"""Requests. 99.9 % of 1000 are 999, whatever floating point says."""
