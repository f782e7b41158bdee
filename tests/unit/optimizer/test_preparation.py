"""The model and its data, checked together before anything is built."""

import io
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.support.tiny_models import (
    LABELS,
    add,
    colour_classifier,
    colour_image,
    dataset,
    located,
    request,
    save,
)
from trifocal.api.condition import Reason
from trifocal.artifacts.failure import RefusedError
from trifocal.optimizer.contract import ResolvedLocation
from trifocal.optimizer.preparation import Prepared, prepare
from trifocal.optimizer.runtimes.onnx_session import OnnxRunner
from trifocal.optimizer.sources import fetch_sources


def prepared(folder: Path, **changes: Any) -> Prepared:
    wanted = request(folder, **changes)
    scratch = folder / "scratch"
    scratch.mkdir()
    fetched = fetch_sources(wanted, scratch, lambda _share, _detail: None)
    return prepare(wanted, fetched, scratch)


def unlabelled(path: Path, seeds: Sequence[int]) -> ResolvedLocation:
    with tarfile.open(path, "w") as archive:
        for seed in seeds:
            buffer = io.BytesIO()
            colour_image(LABELS[seed % 3], seed).save(buffer, "PNG")
            add(archive, f"{seed}.png", buffer.getvalue())
    return located(path)


TRAINED = {"precisions": ("fp32", "int8-qat")}


def test_labels_are_learned_where_there_are_any(tmp_path: Path) -> None:
    training = located(dataset(tmp_path / "training.tar", first_seed=2000))

    lesson = prepared(tmp_path, training=training, **TRAINED).lesson

    assert lesson is not None
    assert lesson.data.truths is not None
    # A row for each image, in the order of the table: six of each colour.
    assert list(lesson.data.truths) == [0] * 6 + [1] * 6 + [2] * 6
    assert len(lesson.data.images) == 18
    assert lesson.teacher.name == "source.onnx"


def test_without_labels_only_the_teacher_is_learned_from(tmp_path: Path) -> None:
    training = unlabelled(tmp_path / "training.tar", range(2000, 2012))

    lesson = prepared(tmp_path, training=training, **TRAINED).lesson

    assert lesson is not None
    assert lesson.data.truths is None
    assert len(lesson.data.images) == 12


def test_nothing_is_prepared_for_candidates_that_nobody_wants(tmp_path: Path) -> None:
    training = located(dataset(tmp_path / "training.tar", first_seed=2000))

    found = prepared(tmp_path, training=training, precisions=("fp32", "fp16"))

    assert (found.lesson, found.calibration) == (None, None)
    assert dict(found.data.others) == {}


def test_more_data_is_judged_on_without_labels(tmp_path: Path) -> None:
    found = prepared(
        tmp_path,
        precisions=("int8",),
        unlabelled=unlabelled(tmp_path / "more.tar", range(3000, 3007)),
    )

    assert {name: len(items) for name, items in found.data.others.items()} == {
        "calibration": 8,
        "unlabelled": 7,
    }
    assert found.calibration is not None
    assert len(found.calibration.images) == 8
    assert all(item.truth is None for item in found.data.others["unlabelled"])


@pytest.mark.parametrize(
    ("teacher", "reason", "sentence"),
    [
        ({"input_name": "image"}, Reason.INPUT_MISMATCH, "the model's input is 'image' float32"),
        ({"batch": 1, "flatten": (1, 3)}, Reason.MODEL_INVALID, "takes batches of exactly 1"),
        (None, Reason.MODEL_INVALID, "it is not an ONNX file"),
    ],
)
def test_teacher_that_does_not_fit_is_named(
    tmp_path: Path, teacher: dict[str, Any] | None, reason: Reason, sentence: str
) -> None:
    path = tmp_path / "teacher.onnx"
    if teacher is None:
        path.write_bytes(b"\x80\x04 pickled")
    else:
        save(colour_classifier(**teacher), path)
    training = located(dataset(tmp_path / "training.tar", first_seed=2000))

    with pytest.raises(RefusedError) as raised:
        prepared(tmp_path, training=training, teacher=located(path), **TRAINED)

    assert raised.value.reason is reason
    assert str(raised.value).startswith("spec.optimization.distillation.teacher must fit ")
    assert sentence in str(raised.value)


def test_teacher_of_one_image_teaches_many(tmp_path: Path) -> None:
    path = save(colour_classifier(batch=1), tmp_path / "teacher.onnx")
    training = located(dataset(tmp_path / "training.tar", first_seed=2000))

    found = prepared(tmp_path, training=training, teacher=located(path), **TRAINED)

    assert found.lesson is not None
    assert found.lesson.teacher != found.model.path
    read = found.lesson.data.read(found.lesson.data.images[0])
    answer = OnnxRunner(found.lesson.teacher, "scores", threads=1).run(read[None].repeat(5, axis=0))
    assert answer.shape == (5, 3)


def test_training_images_that_judge_are_refused(tmp_path: Path) -> None:
    training = located(dataset(tmp_path / "training.tar", first_seed=0))

    with pytest.raises(RefusedError, match=r"^18 evaluation images are in the training data too"):
        prepared(tmp_path, training=training, **TRAINED)
