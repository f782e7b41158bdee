"""`spec.optimization`: what to try, on which data, and what a candidate must prove."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from trifocal.api.location import VerifiedLocation
from trifocal.api.resources import ResourceRequirements
from trifocal.api.rule import Rule
from trifocal.api.schema import ApiModel, ByteQuantity

Precision = Literal["fp32", "fp16", "int8"]
PRECISIONS: tuple[Precision, ...] = ("fp32", "fp16", "int8")
LatencyPercentile = Literal[50, 90, 95, 99]


class Target(ApiModel):
    """The runtime and hardware class that candidates are built for and measured on."""

    runtime: Literal["onnxruntime"] = Field(
        default="onnxruntime", description="Inference runtime of the artifact."
    )
    processor: Literal["cpu"] = Field(default="cpu", description="Hardware class.")


class Quantization(ApiModel):
    """How int8 candidates are made (QDQ, signed weights)."""

    per_channel: bool = Field(
        default=True, description="One scale for each output channel of a weight."
    )
    calibration_method: Literal["minmax", "entropy", "percentile"] = Field(
        default="minmax", description="How activation ranges are taken from the calibration data."
    )
    calibration_samples: Annotated[int, Field(ge=8, le=4096)] = Field(
        default=128, description="Images of the calibration set that are used."
    )


class Datasets(ApiModel):
    """Archives (.tar, .tar.gz, .zip) of images with a labels.csv (columns file, label)."""

    calibration: VerifiedLocation | None = Field(
        default=None,
        description="Images for quantization; labels are not used. Needed for int8.",
    )
    evaluation: VerifiedLocation = Field(
        description="Labelled images that the gate judges accuracy on. Never used to calibrate."
    )

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            cel="!has(self.calibration) || self.calibration.digest != self.evaluation.digest",
            holds=lambda it: (
                it.calibration is None or it.calibration.digest != it.evaluation.digest
            ),
            says="Calibration and evaluation have the same digest; images that a model was "
            "calibrated on prove nothing about it. Set aside other images for one of them.",
            at=".calibration.digest",
        ),
    )


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

    metric: Literal["top1", "top5"] = Field(
        default="top1", description="Share of images whose label is among the best 1 or 5 scores."
    )
    max_drop: Annotated[float, _MAX_DROP] = Field(
        default=0.01, description="Largest loss against the source; 0.01 is one percentage point."
    )
    minimum: Annotated[float, _FRACTION] | None = Field(
        default=None,
        description="Accuracy that the source and every candidate must reach, from 0 to 1.",
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
    latency: LatencyGate | None = Field(default=None, description="Measured latency.")
    max_size: ByteQuantity | None = Field(
        default=None, description="Largest model file, for example 20Mi."
    )


class OptimizationJob(ApiModel):
    """Limits of the Job that optimizes."""

    resources: ResourceRequirements = Field(
        default=ResourceRequirements(), description="CPU and memory of the Job's container."
    )
    deadline_seconds: Annotated[int, Field(ge=30, le=604800)] = Field(
        default=3600, description="The Job is stopped after this time."
    )
    scratch_size: ByteQuantity = Field(
        default="4Gi", description="Disk that the Job may use for downloads and candidates."
    )


def _precisions(parsed: dict[str, Any]) -> tuple[Precision, ...]:
    """Every candidate that can be made from the data given."""
    calibrated = "datasets" in parsed and parsed["datasets"].calibration is not None
    return PRECISIONS if calibrated else tuple(p for p in PRECISIONS if p != "int8")


class OptimizationSpec(ApiModel):
    """Candidates, data and gate."""

    target: Target = Field(default=Target(), description="What to optimize for.")
    datasets: Datasets = Field(description="Data for calibration and evaluation.")
    precisions: Annotated[
        tuple[Precision, ...],
        Field(min_length=1, max_length=3, json_schema_extra={"x-kubernetes-list-type": "set"}),
    ] = Field(
        default_factory=_precisions,
        description="Candidates to try; unset means fp32, fp16 and, if there is calibration data, "
        "int8. The unchanged source is always the fallback.",
    )
    quantization: Quantization = Field(
        default=Quantization(), description="Settings of int8 candidates."
    )
    gate: Gate = Field(default=Gate(), description="What a candidate must prove.")
    prefer: Literal["latency", "size", "accuracy"] = Field(
        default="latency", description="Which of the candidates that pass the gate is served."
    )
    job: OptimizationJob = Field(
        default=OptimizationJob(), description="Limits of the optimization Job."
    )

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            cel="!has(self.precisions) || !('int8' in self.precisions) || "
            "has(self.datasets.calibration)",
            holds=lambda it: "int8" not in it.precisions or it.datasets.calibration is not None,
            says="int8 needs images to calibrate with; name an archive of them, or take int8 out "
            "of precisions.",
            at=".datasets.calibration",
            reason="FieldValueRequired",
        ),
        Rule(
            cel="",  # The API server has list type set for it.
            holds=lambda it: len(set(it.precisions)) == len(it.precisions),
            says="A precision is named twice; remove one.",
            at=".precisions",
        ),
    )
