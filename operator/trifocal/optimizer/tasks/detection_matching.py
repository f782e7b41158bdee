"""Which found boxes match which true ones: COCO's own rules, by pycocotools."""

import contextlib
import io
from collections.abc import Mapping, Sequence
from itertools import count
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trifocal.optimizer.tasks.boxes import Corners, FoundBoxes, TrueBoxes
from trifocal.optimizer.tasks.detection_tally import IOU_THRESHOLDS, DetectionTally

MAX_BOXES = 100
"""COCO's: more boxes of one class in one image are not looked at."""
_ANY_AREA = [0.0, 1e10]
"""Square pixels, as COCO's range `all`."""


def matched(found: Sequence[FoundBoxes], true: Sequence[TrueBoxes], classes: int) -> DetectionTally:
    """Compare the boxes of each image; both are in its pixels."""
    compared = [one for one in _compared(found, true, classes) if one is not None]
    boxes = [len(one["dtScores"]) for one in compared]
    truths = np.zeros((len(true), classes), dtype=np.int32)
    for number, image in enumerate(true):
        np.add.at(truths[number], image.labels[~image.crowd], 1)
    return DetectionTally(
        truths=truths,
        item=np.repeat(np.array([one["image_id"] for one in compared], np.int32), boxes),
        label=np.repeat(np.array([one["category_id"] for one in compared], np.int32), boxes),
        score=np.array([score for one in compared for score in one["dtScores"]], np.float64),
        matched=_flags([one["dtMatches"] > 0 for one in compared]),
        ignored=_flags([one["dtIgnore"] for one in compared]),
    )


def _compared(
    found: Sequence[FoundBoxes], true: Sequence[TrueBoxes], classes: int
) -> Sequence[Mapping[str, Any] | None]:
    """The result of pycocotools for each class and image; None where neither has a box."""
    from pycocotools.coco import COCO  # noqa: PLC0415 - heavy
    from pycocotools.cocoeval import COCOeval  # noqa: PLC0415 - heavy

    truths, answers = COCO(), COCO()
    truths.dataset = _dataset(
        [(boxes.corners, boxes.labels, {"iscrowd": boxes.crowd}) for boxes in true], classes
    )
    answers.dataset = _dataset(
        [(boxes.corners, boxes.labels, {"score": boxes.scores}) for boxes in found], classes
    )
    with contextlib.redirect_stdout(io.StringIO()):  # it prints its progress
        truths.createIndex()
        answers.createIndex()
        evaluation = COCOeval(truths, answers, iouType="bbox")
        evaluation.params.iouThrs = IOU_THRESHOLDS
        evaluation.params.maxDets = [MAX_BOXES]
        evaluation.params.areaRng, evaluation.params.areaRngLbl = [_ANY_AREA], ["all"]
        evaluation.evaluate()
    results: Sequence[Mapping[str, Any] | None] = evaluation.evalImgs
    return results


def _dataset(
    images: Sequence[tuple[Corners, NDArray[np.int32], Mapping[str, NDArray[Any]]]], classes: int
) -> dict[str, Any]:
    numbers = count(1)  # 0 stands for "no match"
    return {
        "images": [{"id": number} for number in range(len(images))],
        "categories": [{"id": label} for label in range(classes)],
        "annotations": [
            {
                "id": next(numbers),
                "image_id": image,
                "category_id": int(labels[row]),
                "bbox": [x1, y1, x2 - x1, y2 - y1],
                "area": (x2 - x1) * (y2 - y1),
                **{name: values[row].item() for name, values in more.items()},
            }
            for image, (corners, labels, more) in enumerate(images)
            for row, (x1, y1, x2, y2) in enumerate(corners.tolist())
        ],
    }


def _flags(parts: Sequence[NDArray[Any]]) -> NDArray[np.bool_]:
    """[thresholds, boxes] of each image and class -> [all boxes, thresholds]."""
    empty = np.zeros((len(IOU_THRESHOLDS), 0), np.bool_)
    return np.concatenate([empty, *parts], axis=1).T.astype(np.bool_)
