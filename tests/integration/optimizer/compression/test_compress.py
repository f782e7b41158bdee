"""The step as a whole, on real digits: smaller, still right, and honest about what changed."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from tests.integration.optimizer.compression.conftest import Digits
from trifocal.optimizer.compression.compress import compress, skeleton
from trifocal.optimizer.recipe import Pruned, Student
from trifocal.optimizer.runtimes.backend import BuildError

Report = Callable[[float, str], None]
HALF = Pruned(method="structured", ratio=0.5)


@pytest.mark.parametrize("labelled", [True, False], ids=["labelled", "unlabelled"])
def test_half_of_the_channels_go_and_the_digits_are_still_read(
    labelled: bool, digits: Digits, tmp_path: Path, report: Report, told: list[tuple[float, str]]
) -> None:
    before = digits.accuracy(digits.model.path)
    lesson = digits.lesson(labelled=labelled)

    found = compress(digits.model, HALF, lesson, 10, tmp_path, report)

    assert digits.accuracy(found.model.path) > before - 0.03 > 0.9
    assert found.model.path.stat().st_size < 0.5 * digits.model.path.stat().st_size
    # 32, 64 channels and 256 inputs of the last layer become 16, 32 and 128.
    assert found.effect.macs_before == 9 * 32 * 64 + 9 * 32 * 64 * 16 + 256 * 10
    assert found.effect.macs_after == 9 * 16 * 64 + 9 * 16 * 32 * 16 + 128 * 10
    assert found.effect.parameters_after < 0.3 * found.effect.parameters_before
    assert found.effect.zeros == 0
    assert "on 180 held-out training images" in found.notes[-1]
    assert ("right" if labelled else "as the teacher") in found.notes[-1]
    shares = [share for share, _ in told]
    assert shares == sorted(shares)
    assert any(detail.startswith("pruned50, training, epoch 2 of 6: ") for _, detail in told)


def test_a_skeleton_has_the_structure_of_the_trained_network(
    digits: Digits, tmp_path: Path, report: Report
) -> None:
    (tmp_path / "a").mkdir()
    trained = compress(digits.model, HALF, digits.lesson(epochs=1), 10, tmp_path, report)
    sketch = skeleton(digits.model, HALF, 10, tmp_path / "a")

    def structure(path: Path) -> list[tuple[str, list[list[int]]]]:
        graph = onnx.load_model(path).graph
        sizes = {it.name: list(it.dims) for it in graph.initializer}
        return [(n.op_type, [sizes[i] for i in n.input if i in sizes]) for n in graph.node]

    assert structure(sketch) == structure(trained.model.path)


@pytest.mark.parametrize(
    ("pruned", "zeros"),
    [
        (Pruned(method="magnitude", ratio=0.8), (0.79, 0.81)),
        (Pruned(method="magnitude", threshold=0.02), (0.05, 0.95)),
        (Pruned(method="2:4"), (0.48, 0.5)),
    ],
    ids=lambda it: it.name if isinstance(it, Pruned) else "",
)
def test_zeros_stay_zeros_through_training_and_nothing_else_is_claimed(
    pruned: Pruned,
    zeros: tuple[float, float],
    digits: Digits,
    tmp_path: Path,
    report: Report,
) -> None:
    found = compress(digits.model, pruned, digits.lesson(epochs=2), 10, tmp_path, report)

    weights = [
        numpy_helper.to_array(it)
        for it in onnx.load_model(found.model.path).graph.initializer
        if len(it.dims) in {2, 4}
    ]
    share = sum((it == 0).sum() for it in weights) / sum(it.size for it in weights)
    assert zeros[0] <= share <= zeros[1]
    assert found.effect.zeros == pytest.approx(share, abs=1e-6)
    assert found.effect.macs_after == found.effect.macs_before
    assert found.effect.parameters_after == found.effect.parameters_before
    size = digits.model.path.stat().st_size
    assert found.model.path.stat().st_size == pytest.approx(size, rel=0.02)
    assert any("bytes, work and latency stay what they were" in note for note in found.notes)
    assert digits.accuracy(found.model.path) > 0.9
    assert skeleton(digits.model, pruned, 10, tmp_path) == digits.model.path


def test_two_of_four_holds_in_the_file(digits: Digits, tmp_path: Path, report: Report) -> None:
    pruned = Pruned(method="2:4")
    found = compress(digits.model, pruned, digits.lesson(epochs=1), 10, tmp_path, report)
    graph = onnx.load_model(found.model.path).graph
    (weight,) = [numpy_helper.to_array(it) for it in graph.initializer if it.dims[:2] == [64, 32]]
    fours = np.moveaxis(weight, 1, -1).reshape(-1, 4)
    assert ((fours != 0).sum(1) == 2).all()


def test_a_student_takes_the_models_input_and_gives_its_answers(
    digits: Digits, tmp_path: Path, report: Report
) -> None:
    student = Student(library="torchvision", architecture="shufflenet_v2_x0_5")
    found = compress(digits.model, student, digits.lesson(epochs=1, count=64), 10, tmp_path, report)
    graph = onnx.load_model(found.model.path).graph
    assert [it.name for it in (*graph.input, *graph.output)] == ["image", "scores"]
    # torchvision's documentation: 1,366,792 parameters with 1,000 classes of 1,024 features;
    # with 10 classes and one colour 990 * 1,025 and 2 * 9 * 24 less.
    assert found.effect.parameters_after == 1_366_792 - 990 * 1_025 - 2 * 9 * 24


def test_too_few_images_are_refused(digits: Digits, tmp_path: Path, report: Report) -> None:
    with pytest.raises(BuildError, match=r"datasets\.training has 15 images; give at least 16"):
        compress(digits.model, HALF, digits.lesson(count=15), 10, tmp_path, report)


def test_an_image_that_is_no_number_is_refused(
    digits: Digits, tmp_path: Path, report: Report
) -> None:
    broken = digits.images.copy()
    broken[5] = np.nan
    lesson = digits.lesson(count=64, learning_rate=0.5, epochs=1)
    data = type(lesson.data)(
        images=lesson.data.images, truths=lesson.data.truths, read=lambda p: broken[int(p.name)]
    )
    lesson = type(lesson)(**{**vars(lesson), "data": data})
    with pytest.raises(BuildError, match="NaN or infinity"):
        compress(digits.model, HALF, lesson, 10, tmp_path, report)
