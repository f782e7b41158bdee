"""Networks by name: fitted to the images, and told apart from networks that do not exist."""

from typing import Literal

import pytest
import torch

from trifocal.optimizer.compression.student import build_student
from trifocal.optimizer.recipe import Student
from trifocal.optimizer.runtimes.backend import BuildError

ANSWERS = torch.rand(2, 4)


@pytest.mark.parametrize(
    ("library", "name"),
    [("torchvision", "mobilenet_v3_small"), ("timm", "resnet10t")],
)
@pytest.mark.parametrize("shape", [(1, 32, 32), (3, 32, 32), (32, 32, 1)], ids=str)
def test_channels_and_layout_are_those_of_the_model(
    library: Literal["torchvision", "timm"], name: str, shape: tuple[int, ...]
) -> None:
    student = Student(library=library, architecture=name)
    built = build_student(student, ANSWERS, torch.rand(2, *shape), probabilities=True)
    answers = built(torch.rand(3, *shape))
    assert answers.shape == (3, 4)
    assert torch.allclose(answers.sum(1), torch.ones(3))


def test_a_model_with_logits_gets_a_student_with_logits() -> None:
    student = Student(library="torchvision", architecture="mobilenet_v3_small")
    built = build_student(student, ANSWERS, torch.rand(2, 3, 32, 32), probabilities=False)
    with torch.no_grad():
        assert not torch.allclose(built(torch.rand(3, 3, 32, 32)).sum(1), torch.ones(3))


def test_a_name_that_is_nearly_right_is_suggested() -> None:
    student = Student(library="torchvision", architecture="mobilenet_v3_smal")
    with pytest.raises(BuildError, match="did you mean mobilenet_v3_small"):
        build_student(student, ANSWERS, torch.rand(2, 3, 32, 32), probabilities=False)


def test_images_that_are_too_small_are_named() -> None:
    student = Student(library="torchvision", architecture="squeezenet1_1")
    with pytest.raises(BuildError, match=r"does not take images of \[3, 8, 8\]"):
        build_student(student, ANSWERS, torch.rand(2, 3, 8, 8), probabilities=False)


def test_only_classifiers_have_students() -> None:
    student = Student(library="torchvision", architecture="mobilenet_v3_small")
    with pytest.raises(BuildError, match=r"\[22, 2100\]; students are for classification"):
        build_student(
            student, torch.rand(2, 22, 2100), torch.rand(2, 3, 32, 32), probabilities=False
        )
