"""What networks are trained on after they were made smaller, and how. Pure values."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from trifocal.api.techniques import Distillation, FineTuning
from trifocal.optimizer.calibration import Read


@dataclass(frozen=True, kw_only=True)
class TrainingData:
    """Images to learn from; never those of the gate."""

    images: Sequence[Path]
    truths: Sequence[int] | None
    """Class of each image; None without labels, or for a task whose labels are not learned from:
    then only the teacher's answers are."""
    read: Read


@dataclass(frozen=True, kw_only=True)
class Lesson:
    """A training run."""

    data: TrainingData
    teacher: Path
    """ONNX file whose answers are imitated: the source, or the model that the spec names."""
    distillation: Distillation
    fine_tuning: FineTuning


@dataclass(frozen=True, kw_only=True)
class Effect:
    """What compression did to a network, counted and not estimated."""

    parameters_before: int
    parameters_after: int
    macs_before: int
    """Multiply-accumulates of one inference."""
    macs_after: int
    zeros: float
    """Share of the weights that are zero."""
