"""Datasets looked at together: what is learned from must not judge."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.support.evidence import classified
from tests.support.tiny_models import dataset, located, request
from trifocal.api.condition import Reason
from trifocal.api.techniques import Distillation, FineTuning
from trifocal.artifacts.failure import RefusedError
from trifocal.optimizer.calibration import Calibration
from trifocal.optimizer.data_review import doubts, review
from trifocal.optimizer.dataset import Item
from trifocal.optimizer.training import Lesson, TrainingData


def noise(seed: int) -> NDArray[np.float32]:
    return np.random.default_rng(seed).uniform(0, 1, (3, 4, 4)).astype(np.float32)


def reviewed(
    evaluation: Sequence[str],
    calibration: Sequence[str] | None = None,
    training: Sequence[str] | None = None,
    looks: Mapping[str, NDArray[np.float32]] | None = None,
) -> tuple[str, ...]:
    """Images by name; those whose names end alike after the dash look alike."""

    def read(path: Path) -> NDArray[np.float32]:
        return (looks or {}).get(path.name, noise(int(path.name.partition("-")[2])))

    paths = {
        role: [Path(name) for name in names or ()]
        for role, names in (("calibration", calibration), ("training", training))
    }
    lesson = Lesson(
        data=TrainingData(images=paths["training"], truths=None, read=read),
        teacher=Path("teacher.onnx"),
        distillation=Distillation(),
        fine_tuning=FineTuning(),
    )
    return review(
        [Item(path=Path(name)) for name in evaluation],
        Calibration(images=paths["calibration"], read=read) if calibration else None,
        lesson if training else None,
        read,
    )


JUDGES = [f"eval-{seed}" for seed in range(20)]


def test_sets_that_share_nothing_are_not_spoken_of() -> None:
    assert reviewed(JUDGES, ["cal-100", "cal-101"], ["train-200", "train-201"]) == ()


@pytest.mark.parametrize("role", ["calibration", "training"])
def test_evaluation_image_that_candidates_are_made_with_is_refused(role: str) -> None:
    copied = ["copy-3", "other-100"]
    with pytest.raises(RefusedError) as raised:
        reviewed(
            JUDGES,
            calibration=copied if role == "calibration" else None,
            training=copied if role == "training" else None,
        )

    assert raised.value.reason is Reason.DATASET_INVALID
    assert str(raised.value).startswith(
        f"1 evaluation images are in the {role} data too, such as eval-3 (copy-3 there); "
    )


def test_copies_are_refused_where_they_judge_and_told_where_they_teach() -> None:
    assert reviewed(JUDGES, training=["a-100", "b-100", "c-101"]) == (
        "1 of the 3 training images are copies of others, such as a-100 and b-100",
    )
    with pytest.raises(RefusedError, match=r"^1 of the 21 evaluation images are copies of others"):
        reviewed([*JUDGES, "again-0"])


def test_blank_calibration_is_refused() -> None:
    blank = {f"cal-{n}": np.full((3, 4, 4), 0.5, np.float32) for n in (100, 101)}

    with pytest.raises(
        RefusedError, match=r"^The calibration images are blank: every value .* 0\.5"
    ):
        reviewed(JUDGES, list(blank), looks=blank)


def test_calibration_in_another_range_is_refused() -> None:
    bytes_instead = {f"cal-{n}": noise(n) * 255 for n in (100, 101)}

    with pytest.raises(RefusedError, match=r"^The calibration images look unlike the evaluation"):
        reviewed(JUDGES, list(bytes_instead), looks=bytes_instead)


def test_training_on_data_of_no_declared_origin_is_doubted(tmp_path: Path) -> None:
    training = located(dataset(tmp_path / "training.tar", first_seed=2000))
    source = classified([True] * 200, truth=[0, 1] * 100)
    trained = request(tmp_path, training=training)

    (doubt,) = doubts(trained, source)
    assert doubt.startswith("training and evaluation data are not declared to be of different")
    origins = {"training": "generator", "evaluation": "camera"}
    assert doubts(trained.model_copy(update={"origins": origins}), source) == ()
    assert doubts(request(tmp_path), source) == ()


def test_data_that_cannot_show_what_the_gate_asks_are_doubted(tmp_path: Path) -> None:
    """20 images with a maxDrop of 0.01; nothing of the second class; a slice of two."""
    source = classified([True] * 20, slices=["rare"] * 2 + [None] * 18)

    few = doubts(request(tmp_path), source)

    assert [note.partition(" ")[0] for note in few] == ["the", "20", "1"]
    assert "no image of 1 of 2 classes ('b')" in few[0]
    assert "use 100 images or more" in few[1]
    assert "fewer than 5 images ('rare')" in few[2]
