"""From files on disk to evidence: a model that sees one bright rectangle, by simple arithmetic.

Boxes and masks must find the way from the input back to images of several sizes, whichever way
these are resized: a mistake in it costs accuracy, and these models make none of their own.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests.support.vision_models import vision_model
from trifocal.api.gate import Gate
from trifocal.optimizer.evaluation import Data, Examiner
from trifocal.optimizer.evidence import Evidence
from trifocal.optimizer.gates.verdict import missed
from trifocal.optimizer.preprocessing import image_reader
from trifocal.optimizer.tasks.detection import Detection
from trifocal.optimizer.tasks.segmentation import Segmentation

SIZE = 96
RESIZES: dict[str, dict[str, Any]] = {
    "stretch": {"mode": "stretch"},
    "letterbox": {"mode": "letterbox"},
    "shortest-edge": {"mode": "shortest-edge", "shortestEdge": 96},
}


@dataclass(frozen=True, kw_only=True)
class Function:
    """A runner that computes its answers."""

    answer: Callable[[NDArray[Any]], NDArray[Any]]

    def run(self, batch: NDArray[Any]) -> NDArray[Any]:
        return np.stack([self.answer(image[0]) for image in batch])


def bright(image: NDArray[Any]) -> NDArray[Any]:
    """[2, height, width]: dark and bright."""
    return np.stack([1 - image, image])


def box(image: NDArray[Any]) -> NDArray[Any]:
    """[6, 1]: the rectangle as one anchor of a yolo layout, of the second class."""
    rows, columns = (np.flatnonzero((image > 0.5).any(axis=axis)) for axis in (1, 0))
    low = np.array([columns[0], rows[0]], np.float32)
    high = np.array([columns[-1] + 1, rows[-1] + 1], np.float32)
    return np.array([*((low + high) / 2), *(high - low), 0.1, 0.9], np.float32)[:, None]


@dataclass(frozen=True)
class Picture:
    """A black image with one white rectangle."""

    size: tuple[int, int]
    corners: tuple[int, int, int, int]
    slice: str


PICTURES = (
    Picture((96, 96), (10, 20, 50, 60), "small"),
    Picture((192, 144), (60, 30, 130, 110), "wide"),
    Picture((150, 300), (20, 110, 90, 200), "high"),
    Picture((200, 160), (40, 40, 160, 120), "wide"),
)


def paint(folder: Path) -> None:
    """Images, masks and both tables."""
    rows = ["file,mask,slice"]
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for number, picture in enumerate(PICTURES):
        x1, y1, x2, y2 = picture.corners
        mask = np.zeros((picture.size[1], picture.size[0]), np.uint8)
        mask[y1:y2, x1:x2] = 1
        Image.fromarray(mask * 255).convert("RGB").save(folder / f"{number}.png")
        Image.fromarray(mask).save(folder / f"mask-{number}.png")
        rows.append(f"{number}.png,mask-{number}.png,{picture.slice}")
        images.append({"id": number, "file_name": f"{number}.png", "slice": picture.slice})
        annotations.append(
            {"image_id": number, "category_id": 5, "bbox": [x1, y1, x2 - x1, y2 - y1]}
        )
    (folder / "labels.csv").write_text("\n".join(rows))
    body = {
        "images": images,
        "annotations": annotations,
        "categories": [{"id": 5, "name": "bright"}],
    }
    (folder / "annotations.json").write_text(json.dumps(body))


def examined(
    folder: Path, task: str, mode: str, *models: Callable[[NDArray[Any]], NDArray[Any]]
) -> list[Evidence]:
    """Evidence on models, the first of which is the source."""
    paint(folder)
    spec = vision_model(
        task,
        ["dark", "bright"],
        size=(SIZE, SIZE),
        resize=RESIZES[mode],
        detection={"layout": "yolo"} if task == "detection" else None,
    )
    kind = Detection(spec) if task == "detection" else Segmentation(spec)
    data = Data(evaluation=kind.items(folder), read=image_reader(spec).read, batch=3)
    examiner = Examiner(kind, data, Function(answer=models[0]))
    return [examiner.examine(Function(answer=model), lambda _share: None) for model in models]


@pytest.mark.parametrize("mode", RESIZES)
def test_boxes_find_their_way_back(tmp_path: Path, mode: str) -> None:
    (source,) = examined(tmp_path, "detection", mode, box)

    # One pixel of the input is up to three of the image; at most 2 % of these boxes' sides.
    assert source.metrics["map50"] == 1
    assert source.metrics["map"] > 0.85
    assert {row.share for row in source.agreement} == {1.0}


@pytest.mark.parametrize("mode", RESIZES)
def test_masks_lie_on_their_truth(tmp_path: Path, mode: str) -> None:
    (source,) = examined(tmp_path, "segmentation", mode, bright)

    assert source.metrics["miou"] > 0.97
    assert [(group.kind, group.name, group.items) for group in source.groups()] == [
        ("slice", "high", 1),
        ("slice", "small", 1),
        ("slice", "wide", 2),
        ("class", "dark", 4),
        ("class", "bright", 4),
    ]


def test_shifted_boxes_lose_accuracy_and_agreement(tmp_path: Path) -> None:
    def shifted(image: NDArray[Any]) -> NDArray[Any]:
        return box(image) + np.array([[30], [0], [0], [0], [0], [0]], np.float32)

    source, found = examined(tmp_path, "detection", "letterbox", box, shifted)

    assert found.metrics["map50"] < 0.5
    assert found.agreement[0].share < 0.5
    assert any("map 0." in line for line in missed(found, source, Gate(), "map"))


def test_half_a_mask_loses_accuracy_and_agreement(tmp_path: Path) -> None:
    def upper_half(image: NDArray[Any]) -> NDArray[Any]:
        upper = image.copy()
        upper[SIZE // 2 :] = 0
        return bright(upper)

    source, found = examined(tmp_path, "segmentation", "stretch", bright, upper_half)

    assert found.metrics["miou"] == pytest.approx(found.agreement[0].share, abs=0.05)
    assert found.metrics["miou"] < 0.8
    assert any("miou 0." in line for line in missed(found, source, Gate(), "miou"))
