"""A telemetry given by formulas: totals since time 0, of which a window is a difference."""

from collections.abc import Callable
from dataclasses import dataclass

from trifocal.autoscaling.simulation.policy import Telemetry

Total = Callable[[float], float]
"""What has come together by a time, in seconds."""


def steady(per_second: float) -> Total:
    """The same all the time."""
    return lambda at: per_second * at


def step(before: float, after: float, since: float) -> Total:
    """One level up to a time, another from it on."""
    return lambda at: before * min(at, since) + after * max(at - since, 0)


NOTHING = steady(0)


@dataclass(kw_only=True)
class ClosedForm(Telemetry):
    """Formulas for what the policies read."""

    arrivals: Total = NOTHING
    busy: Total = NOTHING
    ready: Total = NOTHING
    concurrency: Total = NOTHING
    """Integral of the number of requests in the system."""
    tail: Callable[[float, float], float | None] = lambda _since, _until: None
    """Latency in a window, whatever the percentile."""
    mean: Callable[[float, float], float | None] = lambda _since, _until: None

    def arrived(self, since: float, until: float) -> int:
        return round(self.arrivals(until) - self.arrivals(since))

    def answered(self, since: float, until: float) -> int:
        return self.arrived(since, until)

    def executions(self, since: float, until: float) -> int:
        return self.arrived(since, until)

    def busy_seconds(self, since: float, until: float) -> float:
        return self.busy(until) - self.busy(since)

    def ready_seconds(self, since: float, until: float) -> float:
        return self.ready(until) - self.ready(since)

    def in_system(self, since: float, until: float) -> float:
        return (self.concurrency(until) - self.concurrency(since)) / (until - since)

    def waiting(self, at: float) -> int:
        del at
        return 0

    def latency(self, percentile: float, since: float, until: float) -> float | None:
        del percentile
        return self.tail(since, until)

    def mean_latency(self, since: float, until: float) -> float | None:
        return self.mean(since, until)
