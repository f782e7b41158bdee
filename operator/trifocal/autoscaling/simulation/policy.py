"""What a scaling policy sees, and what it says: the contract between policies and the engine."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from trifocal.autoscaling.balancing import Balancing
from trifocal.autoscaling.simulation.lost import NOTHING, Lost


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What is simulated, the load aside. Times in seconds."""

    fixed_seconds: float
    """Of one execution, whatever its batch: tau(b) = fixed + b * item."""
    item_seconds: float
    max_batch: int
    objective_seconds: float
    """Latency that a request must keep."""
    percentile: float
    """Share of a minute's requests, in percent, that must keep it."""
    cold_start_seconds: float
    """From the order of a pod to its first request."""
    min_replicas: int
    max_replicas: int
    balancing: Balancing = "shared"
    lost: Lost = NOTHING
    """Scrapes that fail, whoever makes them. What that means is the policy's own business."""

    def execution_seconds(self, batch: float) -> float:
        """How long one execution of `batch` requests takes; of a mean batch, in the mean."""
        return self.fixed_seconds + self.item_seconds * batch

    @property
    def batch_sizes(self) -> tuple[int, ...]:
        """Those worth looking at, ascending: the powers of two, and the largest."""
        powers = (1 << power for power in range(self.max_batch.bit_length() + 1))
        return tuple(sorted({min(size, self.max_batch) for size in powers}))


@dataclass(frozen=True, kw_only=True)
class Pods:
    """One job's pods at one time."""

    ordered: int
    """What the Deployment asks for, starting ones included."""
    ready: int


class Telemetry(Protocol):
    """One job's record, complete up to the present. A window is [since, until), in seconds.

    How much of it a policy may know, and how late, is the policy's own business: each baseline
    models its own scrape interval and lag by the windows that it asks for.
    """

    def arrived(self, since: float, until: float) -> int:
        """Requests that came."""

    def answered(self, since: float, until: float) -> int:
        """Requests that were answered."""

    def executions(self, since: float, until: float) -> int:
        """Batches that ended."""

    def busy_seconds(self, since: float, until: float) -> float:
        """Time that pods spent executing, over all pods."""

    def ready_seconds(self, since: float, until: float) -> float:
        """Time that pods were ready, over all pods."""

    def in_system(self, since: float, until: float) -> float:
        """Mean number of requests that wait or are executed."""

    def waiting(self, at: float) -> int:
        """Requests that wait for execution."""

    def latency(self, percentile: float, since: float, until: float) -> float | None:
        """Percentile of the latency of the requests answered in the window; None without any."""

    def mean_latency(self, since: float, until: float) -> float | None:
        """Mean latency of the requests answered in the window; None without any."""


class Policy(Protocol):
    """Decides for one job; may remember what it has seen."""

    @property
    def period_seconds(self) -> float:
        """Time between two decisions."""

    def decide(self, now: float, pods: Pods, telemetry: Telemetry) -> int:
        """Replicas to order now; the engine keeps them within the setting's bounds."""


MakePolicy = Callable[[Setting], Policy]
"""A fresh policy for one job."""
