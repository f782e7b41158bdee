"""`spec.scaling.wakeUp`: when a model may have no pod, and what says that it needs one again."""

from typing import Annotated

from pydantic import Field

from trifocal.api.schema import ApiModel

IDLE_SECONDS = 300
"""As KEDA's cooldownPeriod. Waking costs a cold start, minutes for a large model: idle time that
is shorter than a few of them is not worth it."""
MAX_QUERY = 2000
"""Characters of a query: several hundred are a long one."""


class PrometheusWakeUp(ApiModel):
    """A number that says whether work waits in front of the model."""

    query: Annotated[str, Field(min_length=1, max_length=MAX_QUERY)] = Field(
        description="PromQL that gives one number, such as the rate of requests that a gateway has "
        "for the model, or the length of a queue. It is asked at the operator's Prometheus, where "
        "the administrator allows it. No result means unknown, not zero: then nothing changes.",
    )
    threshold: float = Field(default=0.0, description="Work waits while the number is above this.")


class WakeUp(ApiModel):
    """From pods to none and back, while minReplicas is 0."""

    idle_seconds: Annotated[int, Field(ge=30, le=86400)] = Field(
        default=IDLE_SECONDS,
        description="No pod is kept after nothing has been asked for so long: pods are all read "
        "and none has got a request, and the query, where there is one, is at or below its "
        "threshold.",
    )
    prometheus: PrometheusWakeUp | None = Field(
        default=None,
        description="What wakes the model; without it only the start of a schedule does.",
    )
