"""A recorded load: how many requests each job got in each step of time."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from trifocal.autoscaling.simulation.policy import Setting

MINUTE_SECONDS = 60.0


class TraceError(ValueError):
    """A trace that cannot be read; the message says where, and what to change."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Trace:
    """What is replayed. Every job has the same steps; requests may be fractions after scaling."""

    jobs: Mapping[str, NDArray[np.float64]]
    """Requests in each step, by the name of the job."""
    step_seconds: float
    by_chance: bool = False
    """Whether requests are means around which a step's count is drawn; otherwise counts."""

    @property
    def seconds(self) -> float:
        """How long the trace lasts."""
        return self.step_seconds * len(next(iter(self.jobs.values())))

    def faster(self, time_scale: float) -> "Trace":
        """The same requests in a `time_scale`-th of the time: 5 plays steps of 5 min in 1 min."""
        if not (math.isfinite(time_scale) and time_scale > 0):
            raise TraceError(f"A trace can be played 2 or 0.5 times as fast, not {time_scale:g}.")
        return replace(self, step_seconds=self.step_seconds / time_scale)

    def times(self, factor: float) -> "Trace":
        """The same trace with `factor` times the requests."""
        return replace(self, jobs={name: requests * factor for name, requests in self.jobs.items()})

    def with_peak(self, replicas: int, setting: Setting) -> "Trace":
        """The trace with its load multiplied such that the busiest step keeps `replicas` busy.

        That is the fluid bound: the busiest job's pods execute all the time, in full batches.
        """
        most = max(float(requests.max()) for requests in self.jobs.values())
        if most <= 0:
            raise TraceError("No job has any requests, so the load cannot be scaled to a peak.")
        return self.times(replicas / busy_replicas(most / self.step_seconds, setting))


def busy_replicas(requests_per_second: float, setting: Setting) -> float:
    """Pods that the load keeps busy when all batches are full; no number below it can carry it."""
    return requests_per_second * setting.execution_seconds(setting.max_batch) / setting.max_batch
