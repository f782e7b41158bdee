"""What a smaller network is trained to minimize: its distance from a teacher and from labels."""

import torch
from torch import Tensor
from torch.nn import functional

_SMALLEST = 1e-30
"""Of a probability whose logarithm is taken: float32 knows no smaller normal number."""
_TOLERANCE = 1e-3
"""By which probabilities may miss the sum 1: float16 models do."""
_LINEAR_FROM = 0.1
"""Share of the teacher's range from which an error counts linearly and not squared: single
positions, such as a box that appears or not, are not to drown the rest."""
_FINEST = 1e-3
"""Smallest range of a channel, as a share of the widest: what never changes is not to be
imitated to its last digit."""


def are_probabilities(answers: Tensor) -> bool:
    """Whether rows of [batch, classes] are shares of 1, such as a softmax gives."""
    sums = answers.sum(1)
    return bool(((answers >= 0).all() & ((sums - 1).abs() <= _TOLERANCE).all()).item())


def as_logits(answers: Tensor, *, probabilities: bool) -> Tensor:
    """Logits of [batch, classes]; those of probabilities are known up to a constant per row."""
    return answers.clamp_min(_SMALLEST).log() if probabilities else answers


def softened_divergence(student: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    """T^2 KL(softmax(teacher / T) || softmax(student / T)) of logits, the mean over the batch.

    Hinton, Vinyals and Dean 2015 (arXiv 1503.02531); T^2 keeps gradients alike whatever T is.
    """
    divergence = functional.kl_div(
        functional.log_softmax(student / temperature, 1),
        functional.log_softmax(teacher / temperature, 1),
        reduction="batchmean",
        log_target=True,
    )
    return divergence * temperature**2


def distillation_loss(
    student: Tensor,
    teacher: Tensor,
    truths: Tensor | None,
    *,
    label_weight: float,
    temperature: float,
) -> Tensor:
    """label_weight CE(student, truths) + (1 - label_weight) T^2 KL(teacher || student).

    Without truths the teacher's part alone, at its full weight.
    """
    imitation = softened_divergence(student, teacher, temperature)
    if truths is None:
        return imitation
    labelled = functional.cross_entropy(student, truths)
    return label_weight * labelled + (1 - label_weight) * imitation


def ranges(answers: Tensor) -> Tensor:
    """Range of a teacher's raw answers, in a shape that divides them.

    Answers [batch, channels, ...] have one for each channel, because boxes and scores differ in
    their units; vectors [batch, n] have one for all.
    """
    rows = answers.flatten(2).transpose(0, 1).flatten(1) if answers.dim() > 2 else None  # noqa: PLR2004 - [batch, n]
    if rows is None:
        return (answers.max() - answers.min()).clamp_min(1e-6)
    spread = rows.amax(1) - rows.amin(1)
    floor = max(float(spread.max()) * _FINEST, 1e-6)
    return spread.clamp_min(floor).view(1, -1, *(1,) * (answers.dim() - 2))


def raw_loss(student: Tensor, teacher: Tensor, spread: Tensor) -> Tensor:
    """Mean smooth L1 distance of raw answers, in shares of the teacher's range."""
    error = (student - teacher) / spread
    return functional.smooth_l1_loss(error, torch.zeros_like(error), beta=_LINEAR_FROM)
