"""`spec.optimization`: what to try, on which data, and what a candidate must prove."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from trifocal.api.gate import Gate
from trifocal.api.location import VerifiedLocation
from trifocal.api.resources import ResourceRequirements
from trifocal.api.rule import Rule, pattern_rule
from trifocal.api.schema import ApiModel, ByteQuantity
from trifocal.api.target import SERVED, Target
from trifocal.api.techniques import (
    CALIBRATED,
    PRECISIONS,
    Distillation,
    FineTuning,
    Precision,
    Pruning,
    Quantization,
)

Search = Literal["auto", "grid"]
Preference = Literal["latency", "throughput", "cost", "size", "accuracy"]

QueueName = Annotated[
    str,
    Field(max_length=63),
    pattern_rule(
        "[a-z0-9]([-a-z0-9]*[a-z0-9])?",
        "must be the name of a LocalQueue of this namespace; see `kubectl get localqueues`.",
    ),
]
"""The name of a LocalQueue that a label can hold."""


class Dataset(VerifiedLocation):
    """An archive (.tar, .tar.gz, .zip) of images."""

    origin: Annotated[str, Field(min_length=1, max_length=128)] | None = Field(
        default=None,
        description="Where the images come from: a camera, a site, a generator. Data of one origin "
        "share accidents that a model can learn instead of the task.",
    )


class Datasets(ApiModel):
    """Archives of images. What is true of them stands beside them.

    Classification: labels.csv with file and label. Detection: annotations.json in COCO's format.
    Segmentation: labels.csv with file and mask. In each, slice names the group of an image.
    """

    training: Dataset | None = Field(
        default=None,
        description="Images to fine-tune and distil on, with or without labels. Needed for "
        "pruning, students and int8-qat. Never used to judge.",
    )
    calibration: Dataset | None = Field(
        default=None,
        description="Images for quantization; labels are not used. Needed for int8 and int16.",
    )
    evaluation: Dataset = Field(
        description="Labelled images that the gate judges accuracy on. Never used to calibrate or "
        "train. Classification: labels.csv with the columns file and label. Detection: "
        "annotations.json in COCO's format. Segmentation: labels.csv with file and mask, an image "
        "of class indices. In each, slice (a column, a key of an image) names a group that must "
        "not get worse."
    )
    unlabelled: Dataset | None = Field(
        default=None,
        description="More images, such as yesterday's requests, on which candidates must agree "
        "with the source.",
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
        Rule(
            cel="!has(self.training) || self.training.digest != self.evaluation.digest",
            holds=lambda it: it.training is None or it.training.digest != it.evaluation.digest,
            says="Training and evaluation have the same digest; images that a model was trained "
            "on prove nothing about it. Set aside other images for one of them.",
            at=".training.digest",
        ),
    )


class OptimizationJob(ApiModel):
    """Limits of the Job that optimizes, and where it waits for its turn."""

    resources: ResourceRequirements = Field(
        default=ResourceRequirements(),
        description="CPU and memory of the Job's container. Training "
        "and TensorRT take more memory than the rest.",
    )
    deadline_seconds: Annotated[int, Field(ge=30, le=604800)] = Field(
        default=3600, description="The Job is stopped after this time."
    )
    scratch_size: ByteQuantity = Field(
        default="4Gi", description="Disk that the Job may use for downloads and candidates."
    )
    queue: QueueName | None = Field(
        default=None,
        description="LocalQueue of Kueue in which the Job waits until it is admitted. A change "
        "moves a Job that waits and leaves alone one that runs. Each time a Job is resumed its "
        "deadlineSeconds start anew.",
    )


def _given(parsed: dict[str, Any], name: str) -> bool:
    return "datasets" in parsed and getattr(parsed["datasets"], name) is not None


def _precisions(parsed: dict[str, Any]) -> tuple[Precision, ...]:
    """Every way that can be tried with the data given."""
    needs: dict[Precision, str] = {
        "int8": "calibration",
        "int16": "calibration",
        "int8-qat": "training",
    }
    return tuple(p for p in PRECISIONS if p not in needs or _given(parsed, needs[p]))


def _pruning(parsed: dict[str, Any]) -> tuple[Pruning, ...]:
    return tuple(Pruning(ratio=r) for r in (0.3, 0.5)) if _given(parsed, "training") else ()


class OptimizationSpec(ApiModel):
    """Targets, techniques, data and gate."""

    # One value to server-side apply, no list type map: the default's entry belongs to nobody, so
    # an apply that names another runtime later could not take it away.
    targets: Annotated[tuple[Target, ...], Field(min_length=1, max_length=4)] = Field(
        default=(Target(),), description="Runtimes to build for; exactly one of them is served."
    )
    datasets: Datasets = Field(description="Data for training, calibration and evaluation.")
    search: Search = Field(
        default="auto",
        description="auto tries the most promising candidates first and stops when no other can "
        "be better; grid tries all of them.",
    )
    precisions: Annotated[
        tuple[Precision, ...],
        Field(min_length=1, max_length=8, json_schema_extra={"x-kubernetes-list-type": "set"}),
    ] = Field(
        default_factory=_precisions,
        description="How numbers are stored and computed; unset means every way that the data "
        "allow. The unchanged source is always the fallback.",
    )
    quantization: Quantization = Field(
        default=Quantization(), description="Settings of quantized candidates."
    )
    pruning: Annotated[tuple[Pruning, ...], Field(max_length=4)] = Field(
        default_factory=_pruning,
        description="Ways to remove weights, each a candidate; unset means structured pruning by "
        "30 and 50 % where there are training data.",
    )
    distillation: Distillation = Field(
        default=Distillation(), description="How smaller networks learn from a teacher."
    )
    fine_tuning: FineTuning = Field(
        default=FineTuning(), description="Training of pruned, distilled and int8-qat candidates."
    )
    gate: Gate = Field(default=Gate(), description="What a candidate must prove.")
    prefer: Preference = Field(
        default="latency",
        description="Which of the candidates that pass the gate wins: lowest latency of one "
        "request, most images per second in full batches, least processor time per image in full "
        "batches, smallest file, or highest accuracy.",
    )
    job: OptimizationJob = Field(
        default=OptimizationJob(), description="Limits of the optimization Job."
    )

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            cel="!has(self.precisions) || has(self.datasets.calibration) || "
            "!self.precisions.exists(p, p == 'int8' || p == 'int16')",
            holds=lambda it: (
                not CALIBRATED & set(it.precisions) or it.datasets.calibration is not None
            ),
            says="int8 and int16 need images to calibrate with; name an archive of them, or take "
            "both out of precisions.",
            at=".datasets.calibration",
            reason="FieldValueRequired",
        ),
        Rule(
            cel="has(self.datasets.training) || ((!has(self.precisions) || "
            "!('int8-qat' in self.precisions)) && (!has(self.pruning) || size(self.pruning) == 0) "
            "&& (!has(self.distillation) || !has(self.distillation.students) || "
            "size(self.distillation.students) == 0))",
            holds=lambda it: (
                it.datasets.training is not None
                or not (it.pruning or it.distillation.students or "int8-qat" in it.precisions)
            ),
            says="Pruning, students and int8-qat train a network; name an archive of images to "
            "train on, or leave them out.",
            at=".datasets.training",
            reason="FieldValueRequired",
        ),
        Rule(
            cel="",  # The API server has list type set for it.
            holds=lambda it: len(set(it.precisions)) == len(it.precisions),
            says="A precision is named twice; remove one.",
            at=".precisions",
        ),
        Rule(
            cel="!has(self.targets) || self.targets.filter(t, !has(t.runtime) || "
            "t.runtime in ['onnxruntime', 'tensorrt']).size() == 1",
            holds=lambda it: sum(target.runtime in SERVED for target in it.targets) == 1,
            says="Exactly one target must be one that Triton serves: onnxruntime or tensorrt.",
            at=".targets",
        ),
        Rule(
            cel="!has(self.targets) || self.targets.all(t, !has(t.runtime) || "
            "self.targets.exists_one(u, has(u.runtime) && u.runtime == t.runtime))",
            holds=lambda it: len({target.runtime for target in it.targets}) == len(it.targets),
            says="A runtime is named twice; remove one.",
            at=".targets",
        ),
    )

    @property
    def served(self) -> Target:
        """The target that Triton serves."""
        return next(target for target in self.targets if target.runtime in SERVED)
