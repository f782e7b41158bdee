"""Raw outputs of detectors become boxes in the image's pixels."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests.support.vision_models import vision_model
from trifocal.artifacts.failure import RefusedError
from trifocal.optimizer.tasks.detection import Detection


def detection(labels: str = "ab", **settings: Any) -> Detection:
    body = {"layout": "yolo", "scoreThreshold": 0.1, "iouThreshold": 0.5} | settings
    return Detection(vision_model("detection", labels, size=(100, 100), detection=body))


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """Twice as wide as the input and half as high."""
    Image.new("RGB", (200, 50)).save(tmp_path / "a.png")
    return tmp_path / "a.png"


def anchors(*rows: tuple[float, ...]) -> NDArray[np.float32]:
    """[1, 4 + classes, anchors]."""
    return np.array(rows, np.float32).T[None]


ROWS = (
    (50, 50, 20, 40, 0.9, 0.2),
    (52, 50, 20, 40, 0.8, 0.1),  # suppressed by the first: 0.82 of it
    (52, 50, 20, 40, 0.1, 0.3),  # of the other class
    (10, 10, 4, 4, 0.05, 0.0),  # below the threshold
)


@pytest.mark.parametrize("anchors_last", [True, False])
def test_yolo_by_hand(image: Path, *, anchors_last: bool) -> None:
    output = anchors(*ROWS)

    (found,) = detection().decode(output if anchors_last else output.transpose(0, 2, 1), [image])

    assert found.labels.tolist() == [0, 1]
    assert found.scores == pytest.approx([0.9, 0.3])
    # 40 to 60 and 30 to 70 in the input: 80 to 120 and 15 to 35 in the image.
    assert found.corners == pytest.approx(np.array([[80, 15, 120, 35], [84, 15, 124, 35]]))


def test_boxes_layout_is_taken_as_it_is(image: Path) -> None:
    rows = [[10, 20, 30, 40, 0.5, 1], [10, 20, 30, 40, 0.9, 1], [0, 0, 1, 1, 0.9, 7],
            [0, 0, 0, 0, 0, -1]]  # fmt: skip

    (found,) = detection(layout="boxes").decode(np.array([rows], np.float32), [image])

    assert found.scores == pytest.approx([0.9, 0.5])
    assert found.corners[0] == pytest.approx([20, 10, 60, 20])


def test_only_the_best_are_kept(image: Path) -> None:
    (found,) = detection(maxDetections=1).decode(anchors(*ROWS), [image])

    assert found.scores == pytest.approx([0.9])


@pytest.mark.parametrize("layout", ["yolo", "boxes"])
def test_numbers_that_are_none_are_no_boxes(image: Path, layout: str) -> None:
    (found,) = detection(layout=layout).decode(np.full((1, 6, 6), np.nan, np.float32), [image])

    assert len(found) == 0


def test_agreement_looks_at_boxes_that_clients_show(image: Path) -> None:
    task = detection(scoreThreshold=0.001)
    (one,) = task.decode(anchors((50, 50, 20, 20, 0.9, 0), (10, 10, 9, 9, 0.2, 0)), [image])
    (other,) = task.decode(anchors((51, 50, 20, 20, 0.8, 0)), [image])

    assert task.agreement(one, other) == 1


@pytest.mark.parametrize(
    ("layout", "shape", "wanted"),
    [
        ("yolo", (1, 84, 8400), r"\[1, 6, anchors\] or \[1, anchors, 6\]"),
        ("yolo", (1, 6), r"\[1, 6, anchors\]"),
        ("boxes", (1, 300, 7), r"\[1, boxes, 6\]"),
    ],
)
def test_other_shapes_are_named(layout: str, shape: tuple[int, ...], wanted: str) -> None:
    with pytest.raises(RefusedError, match=wanted):
        detection(layout=layout).check_answer("y", shape)


def test_shapes_that_fit() -> None:
    detection().check_answer("y", (1, 6, 8400))
    detection().check_answer("y", (1, 8400, 6))
    detection(layout="boxes").check_answer("y", (1, 300, 6))
