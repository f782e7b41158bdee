"""How requests wait in line and are executed in batches, by one pod or by several.

First come, first served. A pod that is free takes what waits, at most a full batch, and does not
wait for more; that is Triton's dynamic batcher without a delay. Requests are no objects: a line
is a list of arrival times and an index, so that millions of them take seconds.
"""

from collections.abc import Sequence
from heapq import heapify, heappush, heapreplace

from trifocal.autoscaling.simulation.policy import Setting

Execution = tuple[float, float, Sequence[float]]
"""When a batch ended and started, and when its requests had come. A plain tuple sorts by its end,
and is made in a third of the time of any class."""


class Line:
    """One queue before one or more pods."""

    def __init__(self, setting: Setting, arrivals: list[float]) -> None:
        self._max_batch = setting.max_batch
        self._seconds = [setting.execution_seconds(n) for n in range(setting.max_batch + 1)]
        self._arrivals = arrivals
        self._head = 0
        """Index of the first request that has not started."""
        self._free: list[tuple[float, int]] = []
        """A heap: when each pod is free, or ready, for its next batch, and the pod's number."""

    @property
    def waiting(self) -> bool:
        """Whether a request has not started."""
        return self._head < len(self._arrivals)

    def join(self, request: float) -> None:
        """A request comes, after all that are in line."""
        self._arrivals.append(request)

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

    def serve(self, until: float) -> list[Execution]:
        """Starts what starts before `until`. The pod that has been free for longest comes first."""
        arrivals, free, head = self._arrivals, self._free, self._head
        end_of_line = len(arrivals)
        done: list[Execution] = []
        while head < end_of_line and free:
            free_at, pod = free[0]
            start = arrivals[head]
            if start < free_at:  # noqa: PLR1730 - max() is a call, in the loop that takes the time
                start = free_at
            if start >= until:
                break
            full, tail = head + self._max_batch, head + 1
            while tail < full and tail < end_of_line and arrivals[tail] <= start:
                tail += 1
            end = start + self._seconds[tail - head]
            heapreplace(free, (end, pod))
            done.append((end, start, arrivals[head:tail]))
            head = tail
        self._head = head
        return done
