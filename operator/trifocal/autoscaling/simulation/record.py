"""What has happened to one job so far: the telemetry that policies ask, exact and never early."""

import math
from array import array
from bisect import bisect_left
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from trifocal.autoscaling.simulation.line import Execution
from trifocal.autoscaling.simulation.moments import Moments


class Record:
    """A `Telemetry` at the time `now`; what windows reach beyond it is cut off.

    Executions are known when they start, but their end is no part of the record before its time.
    """

    def __init__(self, arrivals: Sequence[float]) -> None:
        self.now = 0.0
        self._came = Moments(arrivals)
        """All of the trace: nothing may look at it beyond `now`."""
        self._started = Moments()
        self._answered = Moments()
        self._answered_came = array("d")
        """When each request of `_answered` had come."""
        self._began = Moments()
        self._ended = Moments()
        self._running: list[Execution] = []
        self._readied = Moments()
        self._left = Moments()

    def advance(self, now: float, started: Sequence[Execution]) -> None:
        """Time has passed until `now`, and executions have started, in the order of their start."""
        self.now = now
        self._began.extend([start for _, start, _ in started])
        self._started.extend([start for _, start, batch in started for _ in batch])
        self._running += started
        self._running.sort()
        ended = bisect_left(self._running, (now,))
        done, self._running = self._running[:ended], self._running[ended:]
        self._ended.extend([end for end, _, _ in done])
        self._answered.extend([end for end, _, batch in done for _ in batch])
        self._answered_came.extend([came for _, _, batch in done for came in batch])

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

    def answers(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """When each answered request had come, and its latency; in the order of the answers."""
        came = np.frombuffer(self._answered_came[:])
        return came, self._answered.slice(0, len(self._answered)) - came

    def _known(self, since: float, until: float) -> tuple[float, float]:
        """The part of a window that has happened."""
        since = min(max(since, 0.0), self.now)
        return since, max(min(until, self.now), since)

    def _between(self, into: Moments, out: Moments, since: float, until: float) -> float:
        """Integral of what had come in and not gone out."""
        window = self._known(since, until)
        return into.integral(*window) - out.integral(*window)

    def _latencies(self, since: float, until: float) -> NDArray[np.float64]:
        first, last = (self._answered.before(at) for at in self._known(since, until))
        came = np.frombuffer(self._answered_came[first:last])
        return self._answered.slice(first, last) - came


_ROUNDING = 1e-9
"""Requests. 99.9 % of 1000 are 999, whatever floating point says."""
