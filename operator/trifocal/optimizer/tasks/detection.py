"""Detection: boxes with a class and a score; the answer is the boxes in the image's pixels."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from trifocal.api.condition import Reason
from trifocal.api.model import ModelSpec
from trifocal.artifacts.failure import RefusedError
from trifocal.optimizer.dataset import Item
from trifocal.optimizer.preprocessing import FORMATS
from trifocal.optimizer.tasks.boxes import FoundBoxes, f1, without_overlaps
from trifocal.optimizer.tasks.coco import annotated_images
from trifocal.optimizer.tasks.detection_tally import DetectionTally
from trifocal.optimizer.tasks.placement import placement

AGREEMENT_IOU = 0.5
AGREEMENT_SCORE = 0.25
"""Boxes that most clients would show; below it lies noise that accuracy needs and nobody sees."""
_BOX = 4
_ROW = 6
"""x1, y1, x2, y2, score, class."""
_SUPPRESSED = 3000
"""Best anchors that suppression looks at: ten times what is kept by default, in bounded time."""


class Detection:
    """A detector whose raw output is read as `spec.model.detection` says."""

    def __init__(self, model: ModelSpec) -> None:
        if model.detection is None:
            raise ValueError("the API refuses task detection without spec.model.detection")
        self._model = model
        self._format = model.detection
        self.labels = tuple(model.labels)

    def items(self, folder: Path) -> Sequence[Item]:
        """Images of annotations.json; the truth is their TrueBoxes."""
        return annotated_images(folder, self.labels)

    def check_answer(self, output: str, shape: Sequence[int]) -> None:
        """Expect what the layout says."""
        if self._format.layout == "boxes":
            wanted, fits = "[1, boxes, 6]", len(shape) == 3 and shape[2] == _ROW  # noqa: PLR2004
        else:
            row = _BOX + len(self.labels)
            wanted = f"[1, {row}, anchors] or [1, anchors, {row}]"
            fits = len(shape) == 3 and row in shape[1:]  # noqa: PLR2004 - batch and two more
        if not fits:
            raise RefusedError(
                Reason.LABELS_MISMATCH,
                f"Output '{output}' has the shape {list(shape)} for one image; with layout "
                f"{self._format.layout} and {len(self.labels)} labels it has {wanted}. Correct "
                f"spec.model.labels or spec.model.detection.layout, or name another output.",
            )

    def decode(self, outputs: NDArray[Any], paths: Sequence[Path]) -> Sequence[FoundBoxes]:
        """Boxes that are kept, in their image's pixels."""
        read = _read_rows if self._format.layout == "boxes" else self._read_anchors
        return [
            self._in_image(self._kept(read(output.astype(np.float64))), path)
            for output, path in zip(outputs, paths, strict=True)
        ]

    def agreement(self, one: FoundBoxes, other: FoundBoxes) -> float:
        """F1 of the boxes that most clients would show, at IoU 0.5 and of the same class."""
        least = max(AGREEMENT_SCORE, self._format.score_threshold)
        return f1(one.part(one.scores >= least), other.part(other.scores >= least), AGREEMENT_IOU)

    def tally(self, answers: Sequence[FoundBoxes], items: Sequence[Item]) -> DetectionTally:
        """Matches by pycocotools."""
        from trifocal.optimizer.tasks.detection_matching import (  # noqa: PLC0415 - heavy
            matched,
        )

        return matched(answers, [item.truth for item in items], len(self.labels))

    def _read_anchors(self, output: NDArray[np.float64]) -> FoundBoxes:
        """[4 + classes, anchors] or its transpose; each anchor has its best class."""
        rows = output.T if output.shape[0] == _BOX + len(self.labels) else output
        middle, half, scores = rows[:, :2], rows[:, 2:_BOX] / 2, rows[:, _BOX:]
        labels = scores.argmax(axis=1)
        return FoundBoxes(
            corners=np.concatenate([middle - half, middle + half], axis=1),
            scores=scores[np.arange(len(labels)), labels],
            labels=labels.astype(np.int32),
        )

    def _kept(self, boxes: FoundBoxes) -> FoundBoxes:
        finite = np.isfinite(boxes.corners).all(axis=1) & np.isfinite(boxes.scores)
        known = (boxes.labels >= 0) & (boxes.labels < len(self.labels))
        found = boxes.part(finite & known & (boxes.scores >= self._format.score_threshold))
        found = found.part(np.argsort(-found.scores, kind="stable"))
        most = self._format.max_detections
        if self._format.layout == "boxes":
            return found.part(slice(0, most))
        return without_overlaps(found.part(slice(0, _SUPPRESSED)), self._format.iou_threshold, most)

    def _in_image(self, boxes: FoundBoxes, path: Path) -> FoundBoxes:
        with Image.open(path, formats=FORMATS) as image:  # the header only
            where = placement(image.size, self._model)
        return FoundBoxes(
            corners=where.boxes_in_image(boxes.corners), scores=boxes.scores, labels=boxes.labels
        )


def _read_rows(output: NDArray[np.float64]) -> FoundBoxes:
    # A class that is no number is no class; -1 is none either.
    labels = np.nan_to_num(output[:, 5], nan=-1.0, posinf=-1.0, neginf=-1.0)
    return FoundBoxes(
        corners=output[:, :_BOX], scores=output[:, 4], labels=labels.round().astype(np.int32)
    )
