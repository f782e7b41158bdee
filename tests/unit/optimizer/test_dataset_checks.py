"""Data that cannot judge are refused or noted, with figures."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.support.evidence import classified
from trifocal.api.condition import Reason
from trifocal.artifacts.failure import RefusedError
from trifocal.optimizer.dataset_checks import (
    Spread,
    check_duplicates,
    check_overlap,
    check_spread,
    empty_classes_note,
    fingerprints,
    origins_note,
    small_slices_note,
    spread,
    too_small_note,
)


def read(path: Path) -> NDArray[np.float32]:
    """What a file shows is the part of its name before the dash."""
    return np.array([int(path.name.partition("-")[0])], np.float32)


def prints(*names: str) -> dict[str, list[Path]]:
    return {key: list(paths) for key, paths in fingerprints(map(Path, names), read).items()}


def test_same_pixels_twice_in_the_evaluation_are_refused() -> None:
    with pytest.raises(RefusedError) as error:
        check_duplicates("evaluation", prints("1-a.png", "2-b.png", "1-c.jpg"))

    assert error.value.reason is Reason.DATASET_INVALID
    assert str(error.value).startswith(
        "1 of the 3 evaluation images are copies of others, such as 1-a.png and 1-c.jpg; each"
    )
    assert check_duplicates("evaluation", prints("1", "2")) is None


def test_few_copies_and_those_in_other_data_are_noted() -> None:
    assert check_duplicates("training", prints("1-a", "1-b", "1-c", "2-d")) == (
        "2 of the 4 training images are copies of others, such as 1-a and 1-b"
    )
    hundred = [*map(str, range(99)), "7-again"]
    assert check_duplicates("evaluation", prints(*hundred)) == (
        "1 of the 100 evaluation images are copies of others, such as 7 and 7-again"
    )


def test_overlap_is_refused_with_the_first_files() -> None:
    evaluation, training = prints("1-a", "2-b", "3-c"), prints("9-x", "3-y", "1-z")

    with pytest.raises(RefusedError, match="2 evaluation images are in the training data too") as e:
        check_overlap(evaluation, "training", training)
    assert "1-a (1-z there), 3-c (3-y there)" in str(e.value)
    check_overlap(evaluation, "training", prints("9-x"))


def test_class_without_an_image_is_noted() -> None:
    evidence = classified([True] * 3, truth=[0, 0, 2], labels=("a", "b", "c"))

    assert empty_classes_note(evidence) == (
        "the evaluation data have no image of 1 of 3 classes ('b'): nothing is known about them, "
        "and no candidate can fail on them"
    )
    assert empty_classes_note(classified([True] * 2, truth=[0, 1])) is None


def test_too_few_images_for_the_drop() -> None:
    assert too_small_note(classified([True] * 40), 0.01) == (
        "40 evaluation images are too few for a maxDrop of 0.01: one of them is 0.0250; use 100 "
        "images or more"
    )
    assert too_small_note(classified([True] * 100), 0.01) is None
    assert too_small_note(classified([True] * 5), 0.0) is None


def test_slices_on_which_nothing_can_be_shown() -> None:
    evidence = classified([True] * 10, slices=["big"] * 6 + ["small"] * 3 + [None])

    assert str(small_slices_note(evidence)).startswith(
        "1 slices have fewer than 5 images ('small')"
    )
    assert small_slices_note(classified([True] * 10)) is None


def test_spread_by_hand() -> None:
    """1 to 5: mean 3, variance 2."""
    found = spread([Path(str(n)) for n in range(1, 6)], read)

    assert (found.mean, found.deviation) == pytest.approx((3.0, 2**0.5))


ALIKE = Spread(mean=0.5, deviation=0.2)


def test_images_like_the_evaluation_are_fine() -> None:
    assert check_spread("calibration", Spread(mean=0.55, deviation=0.25), ALIKE) is None


@pytest.mark.parametrize(
    "other", [Spread(mean=0.8, deviation=0.2), Spread(mean=0.5, deviation=0.05)]
)
def test_other_images_are_noted(other: Spread) -> None:
    assert "the calibration images look unlike the evaluation images" in str(
        check_spread("calibration", other, ALIKE)
    )


@pytest.mark.parametrize(
    "other", [Spread(mean=127.0, deviation=50.0), Spread(mean=0.5, deviation=0.01)]
)
def test_images_of_another_range_are_refused(other: Spread) -> None:
    with pytest.raises(RefusedError, match=r"^The calibration images look unlike .* against 0.5"):
        check_spread("calibration", other, ALIKE)


def test_blank_images_are_refused() -> None:
    with pytest.raises(RefusedError, match="calibration images are blank"):
        check_spread("calibration", Spread(mean=0.0, deviation=0.0), ALIKE)


def test_origins() -> None:
    assert origins_note("generator", "scanner in Lyon") is None
    assert "both have the origin 'generator'" in str(origins_note("generator", "generator"))
    for training, evaluation in ((None, "a"), ("a", None), (None, None)):
        assert "do not both say" in str(origins_note(training, evaluation))
