"""Training repeats exactly, keeps its best epoch, and says why it cannot go on."""

import numpy as np
import pytest
import torch
from torch import nn

from tests.integration.optimizer.compression.conftest import Digits
from trifocal.optimizer.compression.fine_tuning import Course, fine_tune
from trifocal.optimizer.compression.objective import objective
from trifocal.optimizer.compression.pictures import Pictures, divide
from trifocal.optimizer.compression.teacher import Teacher
from trifocal.optimizer.runtimes.backend import BuildError
from trifocal.optimizer.torch_graph.from_onnx import to_torch
from trifocal.optimizer.training import Lesson


def _course(digits: Digits, lesson: Lesson, labels: int = 10) -> Course:
    teacher = Teacher(lesson.teacher, "scores", None)
    probe = teacher.answers(digits.images[:32])
    return Course(
        pictures=Pictures(lesson.data),
        count=len(lesson.data.images),
        teacher=teacher,
        objective=objective(
            probe,
            probe,
            lesson.distillation,
            labels=labels,
            labelled=lesson.data.truths is not None,
        ),
        tuning=lesson.fine_tuning,
    )


def _network(digits: Digits) -> nn.Module:
    return to_torch(digits.model.path, "scores", digits.images[:2])


def _silent(_share: float, _detail: str) -> None:
    pass


def test_the_same_seed_gives_the_same_weights_and_another_gives_others(digits: Digits) -> None:
    weights: list[torch.Tensor] = []
    for seed in (1, 1, 2):
        network = _network(digits)
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.mul_(0.5)  # so that there is something to learn
        torch.manual_seed(len(weights))  # a state that must not matter
        fine_tune(network, _course(digits, digits.lesson(seed=seed, epochs=3, count=200)), _silent)
        weights.append(torch.cat([it.flatten() for it in network.parameters()]))
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def test_a_training_that_only_harms_leaves_the_network_as_it_was(digits: Digits) -> None:
    network = _network(digits)
    before = [it.clone() for it in network.state_dict().values()]
    lesson = digits.lesson(labelled=False, epochs=2, learning_rate=1.0, count=200)

    trained = fine_tune(network, _course(digits, lesson), _silent)

    assert trained.best == 0
    assert not network.training
    for old, new in zip(before, network.state_dict().values(), strict=True):
        assert torch.equal(old, new)


def test_it_stops_early_when_nothing_gets_better(digits: Digits) -> None:
    lesson = digits.lesson(labelled=False, epochs=40, learning_rate=1.0, count=64)
    trained = fine_tune(_network(digits), _course(digits, lesson), _silent)
    assert trained.epochs < 40


def test_held_out_images_are_not_learned_from() -> None:
    learned, held = divide(1200, seed=3)
    assert len(held) == 180
    assert sorted([*learned, *held]) == list(range(1200))
    assert np.array_equal(divide(1200, seed=3)[1], held)


def test_a_loss_that_is_no_number_names_the_learning_rate(digits: Digits) -> None:
    network = _network(digits)

    class Explodes(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = network

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            answer: torch.Tensor = self.inner(x) * (float("inf") if self.training else 1.0)
            return answer

    with pytest.raises(BuildError, match=r"rate 0\.02; set .*learningRate to 0\.002"):
        fine_tune(Explodes(), _course(digits, digits.lesson(learning_rate=0.02)), _silent)


def test_a_batch_of_one_is_refused(digits: Digits) -> None:
    with pytest.raises(BuildError, match="set it to 2 or more"):
        fine_tune(_network(digits), _course(digits, digits.lesson(batch_size=1)), _silent)


def test_answers_that_are_no_classes_are_imitated_as_they_are(digits: Digits) -> None:
    """With 7 labels the 10 numbers of an answer mean something else, and only they are taught."""
    network = _network(digits)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(0.9)
    course = _course(digits, digits.lesson(epochs=3, count=400), labels=7)
    teacher = course.teacher.answers(digits.images[1200:])

    def error() -> float:
        with torch.no_grad():
            return float((network(torch.from_numpy(digits.images[1200:])) - teacher).abs().mean())

    before = error()
    trained = fine_tune(network, course, _silent)
    assert error() < 0.5 * before
    assert "of the teacher's range" in trained.score


def test_a_teacher_with_another_input_is_refused(digits: Digits) -> None:
    teacher = Teacher(digits.model.path, "scores", None)
    with pytest.raises(BuildError, match="name a teacher with the same input"):
        teacher.answers(np.zeros((1, 3, 9, 9), np.float32))


def test_answers_of_different_shapes_cannot_be_compared(digits: Digits) -> None:
    lesson = digits.lesson()
    with pytest.raises(BuildError, match=r"shape \[9\], and the teacher's \[10\]"):
        objective(
            torch.zeros(2, 9), torch.zeros(2, 10), lesson.distillation, labels=10, labelled=True
        )
