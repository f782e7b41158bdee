"""`spec.scaling`: the objective that decides the number of replicas."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from trifocal.api.gate import LatencyPercentile
from trifocal.api.rule import Rule
from trifocal.api.schedule import BY_NAME, NAMES_DIFFER, LeastReplicas, ScaledReplicas, Schedule
from trifocal.api.schema import ApiModel
from trifocal.api.wake_up import IDLE_SECONDS, WakeUp


class LatencyObjective(ApiModel):
    """The latency that clients must see at the server."""

    percentile: LatencyPercentile = Field(default=99, description="50, 90, 95 or 99.")
    max_milliseconds: Annotated[float, Field(gt=0, le=600000)] = Field(
        description="Largest latency, queueing included."
    )


class ThroughputObjective(ApiModel):
    """A rate that must be possible at any time, whatever the load is now."""

    requests_per_second: Annotated[float, Field(gt=0, le=1_000_000)] = Field(
        description="Replicas never fall below what this rate needs; while minReplicas is 0, as "
        "long as any runs, and a model that wakes starts with so many."
    )


class Objective(ApiModel):
    """What the replicas together must achieve."""

    latency: LatencyObjective = Field(description="Tail latency to keep.")
    throughput: ThroughputObjective | None = Field(
        default=None, description="Capacity to keep ready."
    )


class ScalingSpec(ApiModel):
    """Bounds and objective of the scaler, which then owns the number of replicas."""

    min_replicas: LeastReplicas = Field(
        default=1,
        description="Never fewer replicas than this. With 0, no pod runs while nothing is asked; "
        "that needs wakeUp.prometheus or a schedule.",
    )
    max_replicas: ScaledReplicas = Field(description="Never more replicas than this.")
    objective: Objective = Field(description="What to scale for.")
    balancing: Literal["service", "least-request"] = Field(
        default="service",
        description="How requests reach the pods: service, by chance, as behind the Service; "
        "least-request, by a proxy that sends each to the pod with the fewest in work, as Envoy's "
        "LEAST_REQUEST. Then fewer replicas do.",
    )
    scale_down_hold_seconds: Annotated[int, Field(ge=0, le=86400)] = Field(
        default=300,
        description="Replicas fall only to the most that was needed in this time.",
    )
    wake_up: WakeUp | None = Field(
        default=None, description="How long idle pods stay, and what wakes a model that has none."
    )
    schedules: Annotated[tuple[Schedule, ...], BY_NAME] = Field(
        default=(),
        description="Tighter bounds at certain times. Where several are in force, the largest "
        "minReplicas and the smallest maxReplicas count, and minReplicas before maxReplicas.",
    )

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            cel="self.minReplicas <= self.maxReplicas",
            holds=lambda it: it.min_replicas <= it.max_replicas,
            says="minReplicas is {minReplicas}, more than maxReplicas, which is {maxReplicas}; "
            "lower minReplicas or raise maxReplicas.",
            at=".minReplicas",
        ),
        Rule(
            cel="self.minReplicas > 0 || (has(self.wakeUp) && has(self.wakeUp.prometheus)) || "
            "self.schedules.exists(it, has(it.minReplicas))",
            holds=lambda it: it.min_replicas > 0 or it.can_wake,
            says="minReplicas is 0, and nothing would wake the model: a Service without pods "
            "refuses requests. Set minReplicas to 1, or say with wakeUp.prometheus how waiting "
            "requests are seen, or with minReplicas of a schedule when pods are to run.",
            at=".minReplicas",
        ),
        Rule(
            cel="self.schedules.all(it, "
            "(!has(it.minReplicas) || it.minReplicas <= self.maxReplicas) && "
            "(!has(it.maxReplicas) || it.maxReplicas >= self.minReplicas))",
            holds=lambda it: all(_meets(it, schedule) for schedule in it.schedules),
            says="a schedule leaves the bounds from minReplicas, {minReplicas}, to maxReplicas, "
            "{maxReplicas}, which schedules only tighten; widen these or change the schedule.",
            at=".schedules",
        ),
        NAMES_DIFFER,
    )

    @property
    def can_wake(self) -> bool:
        """Whether anything would start a pod when none runs."""
        asks = self.wake_up is not None and self.wake_up.prometheus is not None
        return asks or any(schedule.min_replicas for schedule in self.schedules)

    @property
    def idle_seconds(self) -> int:
        """How long nothing must have been asked before no pod is kept."""
        return self.wake_up.idle_seconds if self.wake_up else IDLE_SECONDS


def _meets(scaling: ScalingSpec, schedule: Schedule) -> bool:
    """Whether some number of replicas satisfies both."""
    return (schedule.min_replicas or 1) <= scaling.max_replicas and (
        schedule.max_replicas or scaling.max_replicas
    ) >= scaling.min_replicas
