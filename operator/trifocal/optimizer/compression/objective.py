"""What training makes small, and by which score its epochs are compared."""

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from trifocal.api.techniques import Distillation
from trifocal.optimizer.compression.distillation import (
    are_probabilities,
    as_logits,
    distillation_loss,
    ranges,
    raw_loss,
)
from trifocal.optimizer.runtimes.backend import BuildError


class Objective(Protocol):
    """Compares a student's answers with a teacher's, and with the labels where there are any."""

    def loss(self, student: Tensor, teacher: Tensor, truths: Tensor | None) -> Tensor:
        """A number to be made small."""

    def right(self, student: Tensor, teacher: Tensor, truths: Tensor | None) -> float:
        """How good a batch of answers is; larger is better, summed over images."""

    def told(self, score: float) -> str:
        """A mean score in words, such as `98.2 % right`."""


@dataclass(frozen=True, kw_only=True)
class Classes:
    """For answers [batch, classes]."""

    temperature: float
    label_weight: float
    student_probabilities: bool
    teacher_probabilities: bool
    labelled: bool

    def loss(self, student: Tensor, teacher: Tensor, truths: Tensor | None) -> Tensor:
        """Distillation, with the labels where there are any."""
        return distillation_loss(
            as_logits(student, probabilities=self.student_probabilities),
            as_logits(teacher, probabilities=self.teacher_probabilities),
            truths,
            label_weight=self.label_weight,
            temperature=self.temperature,
        )

    def right(self, student: Tensor, teacher: Tensor, truths: Tensor | None) -> float:
        """Answers that are as the label says, or without labels as the teacher says."""
        wanted = teacher.argmax(1) if truths is None else truths
        return float((student.argmax(1) == wanted).sum())

    def told(self, score: float) -> str:
        """Share of right answers."""
        return f"{score:.1%} {'right' if self.labelled else 'as the teacher'}"


@dataclass(frozen=True, kw_only=True)
class Maps:
    """For any other answers: boxes, masks, embeddings."""

    spread: Tensor

    def loss(self, student: Tensor, teacher: Tensor, truths: Tensor | None) -> Tensor:  # noqa: ARG002 - the protocol's
        """Distance from the teacher's raw answers."""
        return raw_loss(student, teacher, self.spread)

    def right(self, student: Tensor, teacher: Tensor, truths: Tensor | None) -> float:  # noqa: ARG002 - the protocol's
        """Mean absolute error in shares of the range, below zero."""
        return -float(((student - teacher) / self.spread).abs().mean()) * len(student)

    def told(self, score: float) -> str:
        """Mean error."""
        return f"mean error {-score:.2%} of the teacher's range"


def objective(
    student: Tensor, teacher: Tensor, distillation: Distillation, *, labels: int, labelled: bool
) -> Objective:
    """For a student and a teacher that gave these answers to the same images.

    Raises:
        BuildError: Their answers cannot be compared.
    """
    if student.shape != teacher.shape:
        raise BuildError(
            f"its answers have the shape {list(student.shape[1:])}, and the teacher's "
            f"{list(teacher.shape[1:])}; both must be equal"
        )
    if not torch.isfinite(teacher).all():
        raise BuildError("the teacher answers NaN or infinity to training images; correct it")
    if student.dim() != 2 or student.shape[1] != labels:  # noqa: PLR2004 - [batch, classes]
        return Maps(spread=ranges(teacher))
    return Classes(
        temperature=distillation.temperature,
        label_weight=distillation.label_weight,
        student_probabilities=are_probabilities(student),
        teacher_probabilities=are_probabilities(teacher),
        labelled=labelled,
    )
