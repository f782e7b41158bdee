"""The losses against values that were worked out by hand or by SciPy in float64."""

import math

import numpy as np
import pytest
import torch
from scipy.special import (  # type: ignore[import-untyped]
    log_softmax,
    rel_entr,
    softmax,
)

from trifocal.optimizer.compression.distillation import (
    are_probabilities,
    as_logits,
    distillation_loss,
    ranges,
    raw_loss,
    softened_divergence,
)

RNG = np.random.default_rng(5)
STUDENT, TEACHER = RNG.normal(size=(2, 6, 10)) * 3
TRUTHS = np.array([3, 1, 4, 1, 5, 9])


def test_divergence_of_two_classes_by_hand() -> None:
    """Teacher logits (2 ln 3, 0) at T = 2 are shares 3/4 and 1/4; the student's are halves.

    KL = 3/4 ln(3/2) + 1/4 ln(1/2) = 0.130812; times T^2 = 4.
    """
    teacher = torch.tensor([[2 * math.log(3), 0.0]])
    student = torch.zeros(1, 2)
    found = softened_divergence(student, teacher, 2.0)
    assert float(found) == pytest.approx(4 * (0.75 * math.log(1.5) + 0.25 * math.log(0.5)))
    assert float(found) == pytest.approx(0.523248, abs=1e-6)


@pytest.mark.parametrize("temperature", [1.0, 4.0, 20.0])
def test_divergence_is_that_of_scipy(temperature: float) -> None:
    teacher, student = (softmax(it / temperature, axis=1) for it in (TEACHER, STUDENT))
    expected = temperature**2 * rel_entr(teacher, student).sum() / len(TRUTHS)
    found = softened_divergence(torch.tensor(STUDENT), torch.tensor(TEACHER), temperature)
    assert float(found) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("weight", [0.0, 0.3, 1.0])
def test_labels_and_teacher_are_mixed(weight: float) -> None:
    labelled = -log_softmax(STUDENT, axis=1)[np.arange(6), TRUTHS].mean()
    teacher, student = (softmax(it / 4, axis=1) for it in (TEACHER, STUDENT))
    imitated = 16 * rel_entr(teacher, student).sum() / 6
    found = distillation_loss(
        torch.tensor(STUDENT),
        torch.tensor(TEACHER),
        torch.tensor(TRUTHS),
        label_weight=weight,
        temperature=4.0,
    )
    assert float(found) == pytest.approx(weight * labelled + (1 - weight) * imitated, rel=1e-9)


def test_without_labels_the_teacher_counts_alone_and_whole() -> None:
    student, teacher = torch.tensor(STUDENT), torch.tensor(TEACHER)
    found = distillation_loss(student, teacher, None, label_weight=0.9, temperature=3.0)
    assert found == softened_divergence(student, teacher, 3.0)


def test_probabilities_are_told_from_logits_and_give_the_same_loss() -> None:
    shares = torch.tensor(softmax(TEACHER, axis=1))
    assert are_probabilities(shares)
    assert not are_probabilities(torch.tensor(TEACHER))
    assert not are_probabilities(torch.sigmoid(torch.tensor(TEACHER)))
    logits = as_logits(shares, probabilities=True)
    one, other = (
        float(softened_divergence(torch.tensor(STUDENT), it, 4.0))
        for it in (logits, torch.tensor(TEACHER))
    )
    assert one == pytest.approx(other, rel=1e-9)


def test_a_probability_of_zero_has_a_finite_loss_and_gradient() -> None:
    shares = torch.tensor([[1.0, 0.0, 0.0]], requires_grad=True)
    loss = distillation_loss(
        as_logits(shares, probabilities=True),
        torch.zeros(1, 3),
        torch.tensor([1]),
        label_weight=0.5,
        temperature=1.0,
    )
    loss.backward()  # type: ignore[no-untyped-call]
    assert torch.isfinite(loss)
    assert shares.grad is not None
    assert torch.isfinite(shares.grad).all()


def test_raw_answers_count_in_shares_of_each_channels_range() -> None:
    """Boxes from 0 to 320 and scores from 0 to 1: errors of 160 and of 0.5 are both a half.

    Smooth L1 with beta 0.1 of 0.5 is 0.5 - 0.05 = 0.45.
    """
    teacher = torch.tensor([[[0.0, 320.0], [0.0, 1.0]]])
    student = torch.tensor([[[160.0, 160.0], [0.5, 0.5]]])
    spread = ranges(teacher)
    assert spread.flatten().tolist() == [320.0, 1.0]
    assert float(raw_loss(student, teacher, spread)) == pytest.approx(0.45)


def test_small_errors_count_squared() -> None:
    """Of 0.02: 0.02^2 / (2 * 0.1) = 0.002."""
    teacher = torch.tensor([[0.0, 1.0]])
    assert float(raw_loss(teacher + 0.02, teacher, ranges(teacher))) == pytest.approx(
        0.002, rel=1e-5
    )


def test_a_channel_that_never_changes_divides_by_no_zero() -> None:
    teacher = torch.tensor([[[0.0, 100.0], [7.0, 7.0]]])
    assert ranges(teacher).flatten().tolist() == pytest.approx([100.0, 0.1])
