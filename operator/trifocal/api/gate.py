"""`spec.optimization.gate`: what a candidate must prove before it may serve."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Literal

from pydantic import Field

from trifocal.api.rule import Rule
from trifocal.api.schema import ApiModel, ByteQuantity
from trifocal.api.task import Task

LatencyPercentile = Literal[50, 90, 95, 99]
Metric = Literal["top1", "top5", "map", "map50", "miou"]
METRICS: Mapping[Task, tuple[Metric, ...]] = MappingProxyType(
    {
        "classification": ("top1", "top5"),
        "detection": ("map", "map50"),
        "segmentation": ("miou",),
    }
)
"""What judges each task; the first is the default."""

_FRACTION = Rule(
    cel="self >= 0.0 && self <= 1.0",
    holds=lambda it: 0 <= it <= 1,
    says="must be a share of all images, from 0 to 1; write 0.95 for 95 %.",
)
_MAX_DROP = Rule(
    # Above a half, `1` in the belief that it means one percent would accept any loss.
    cel="self >= 0.0 && self <= 0.5",
    holds=lambda it: 0 <= it <= 0.5,  # noqa: PLR2004 - as above
    says="must be a share of all images, from 0 to 0.5; write 0.01 for one percentage point.",
)


class AccuracyGate(ApiModel):
    """The accuracy that a candidate must keep."""

    metric: Metric | None = Field(
        default=None,
        description="top1 or top5 for classification, map (mAP at IoU 0.50 to 0.95) or map50 for "
        "detection, miou for segmentation; unset means the first of them.",
    )
    max_drop: Annotated[float, _MAX_DROP] = Field(
        default=0.01, description="Largest loss against the source; 0.01 is one percentage point."
    )
    minimum: Annotated[float, _FRACTION] | None = Field(
        default=None,
        description="Accuracy that the source and every candidate must reach, from 0 to 1.",
    )
    max_slice_drop: Annotated[float, _MAX_DROP] = Field(
        default=0.05,
        description="Largest loss on any slice of the data (the column slice of labels.csv) and on "
        "any class. A slice that loses more, beyond what chance explains, fails the candidate "
        "whatever its average is.",
    )

    def metric_of(self, task: Task) -> Metric:
        """The metric that is asked for, or the task's default."""
        return self.metric or METRICS[task][0]


class AgreementGate(ApiModel):
    """How often a candidate must answer as the source does, right or wrong."""

    minimum: Annotated[float, _FRACTION] = Field(
        default=0.95,
        description="On every dataset, with labels or without, and on every slice, from 0 to 1.",
    )


class LatencyGate(ApiModel):
    """The single-request latency, measured by the Job on its own node."""

    percentile: LatencyPercentile = Field(default=99, description="50, 90, 95 or 99.")
    max_milliseconds: Annotated[float, Field(gt=0, le=600000)] = Field(
        description="Largest latency of a batch of one."
    )


class Gate(ApiModel):
    """What a candidate must prove before it may serve."""

    accuracy: AccuracyGate = Field(default=AccuracyGate(), description="Accuracy on labelled data.")
    agreement: AgreementGate = Field(
        default=AgreementGate(), description="Agreement with the source model."
    )
    latency: LatencyGate | None = Field(default=None, description="Measured latency.")
    max_size: ByteQuantity | None = Field(
        default=None, description="Largest model file, for example 20Mi."
    )
