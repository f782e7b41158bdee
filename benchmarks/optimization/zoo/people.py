"""People: NudeNet 320n, a YOLO detector; no labelled set is to be had, so the truth is its own."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageEnhance

from benchmarks.optimization.packages import NUDENET, read_member
from benchmarks.optimization.zoo.model import Picture, ZooModel, spec, write_archive
from benchmarks.optimization.zoo.photographs import FACES, patches, scene

SIDE = 320
CLASSES = 18
CERTAIN = 0.25
"""Score from which the package itself takes a box for real is 0.2."""


def prepare(folder: Path) -> ZooModel:
    """The detector as it is, and pictures of faces with the boxes that it finds there."""
    source = folder / "people.onnx"
    source.write_bytes(read_member(NUDENET, "nudenet/320n.onnx"))
    evaluation = _pictures(120, seed=1)
    return ZooModel(
        name="people",
        spec=spec(
            source,
            task="detection",
            detection={"layout": "yolo"},
            inputs=[{"name": "images", "shape": [3, SIDE, SIDE]}],
            labels=[f"class-{number:02}" for number in range(CLASSES)],
        ),
        source=source,
        evaluation=write_archive(
            folder / "evaluation.tar",
            _named(evaluation),
            {"annotations.json": json.dumps(_coco(_boxes(source, evaluation))).encode()},
        ),
        calibration=write_archive(folder / "calibration.tar", _named(_pictures(64, seed=2))),
        truth="the source's own boxes: agreement, not accuracy",
    )


def _named(images: Sequence[Image.Image]) -> list[Picture]:
    return [
        Picture(name=f"{position:03}.png", image=image) for position, image in enumerate(images)
    ]


def _pictures(count: int, seed: int) -> list[Image.Image]:
    """A photographed person at any place, scale and light, and faces pasted beside."""
    rng = np.random.default_rng(seed)
    person, faces = scene("astronaut.png"), patches()[:FACES]
    found = []
    for _ in range(count):
        canvas = Image.new("RGB", (SIDE, SIDE), tuple(int(c) for c in rng.integers(0, 256, 3)))
        edge = int(rng.integers(160, 420))
        left, top = (int(c) for c in rng.integers(-80, 120, 2))
        canvas.paste(person.resize((edge, edge), Image.Resampling.BILINEAR), (left, top))
        for face in faces[rng.integers(0, FACES, int(rng.integers(0, 4)))]:
            side = int(rng.integers(40, 110))
            left, top = (int(c) for c in rng.integers(0, SIDE - side, 2))
            canvas.paste(Image.fromarray(face).convert("RGB").resize((side, side)), (left, top))
        found.append(ImageEnhance.Brightness(canvas).enhance(float(rng.uniform(0.6, 1.3))))
    return found


def _boxes(source: Path, images: Sequence[Image.Image]) -> list[NDArray[np.float64]]:
    """[boxes, 6] x, y, width, height, score, class in pixels, for each image."""
    import onnxruntime  # noqa: PLC0415 - heavy

    session = onnxruntime.InferenceSession(source)
    found = []
    for image in images:
        pixels = np.asarray(image, np.float32).transpose(2, 0, 1)[None] / 255
        (answer,) = session.run(None, {"images": pixels})
        found.append(_strongest(answer[0].T))
    return found


def _strongest(rows: NDArray[Any]) -> NDArray[np.float64]:
    """Boxes with a certain score, of overlapping ones the best: greedy suppression at IoU 0.7."""
    scores, classes = rows[:, 4:].max(axis=1), rows[:, 4:].argmax(axis=1)
    order = [int(i) for i in np.argsort(-scores) if scores[i] >= CERTAIN]
    kept: list[NDArray[np.float64]] = []
    for i in order:
        x, y, w, h = (float(v) for v in rows[i, :4])
        box = np.array([x - w / 2, y - h / 2, w, h, scores[i], classes[i]])
        if all(other[5] != box[5] or _iou(other, box) <= 0.7 for other in kept):  # noqa: PLR2004
            kept.append(box)
    return np.array(kept).reshape(-1, 6)


def _iou(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    left, top = np.maximum(one[:2], other[:2])
    right, bottom = np.minimum(one[:2] + one[2:4], other[:2] + other[2:4])
    common = max(0.0, right - left) * max(0.0, bottom - top)
    return float(common / (one[2] * one[3] + other[2] * other[3] - common))


def _coco(boxes: Sequence[NDArray[np.float64]]) -> dict[str, Any]:
    """COCO's instances format."""
    annotations: list[dict[str, Any]] = [
        {
            "image_id": image,
            "bbox": [round(float(v), 2) for v in row[:4]],
            "category_id": int(row[5]),
        }
        for image, rows in enumerate(boxes)
        for row in rows
    ]
    return {
        "images": [
            {"id": image, "file_name": f"{image:03}.png", "width": SIDE, "height": SIDE}
            for image in range(len(boxes))
        ],
        "categories": [{"id": number, "name": f"class-{number:02}"} for number in range(CLASSES)],
        "annotations": [
            {
                **annotation,
                "id": number + 1,
                "area": annotation["bbox"][2] * annotation["bbox"][3],
                "iscrowd": 0,
            }
            for number, annotation in enumerate(annotations)
        ],
    }
