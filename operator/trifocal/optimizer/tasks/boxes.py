"""Boxes of one image: true ones, found ones, and how far they overlap. Pure."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Corners = NDArray[np.float64]
"""[boxes, 4]: x1, y1, x2, y2 in pixels."""


@dataclass(frozen=True, kw_only=True, eq=False)
class TrueBoxes:
    """What is in an image, in its own pixels."""

    corners: Corners
    labels: NDArray[np.int32]
    crowd: NDArray[np.bool_]
    """A region of many objects: finding some of them is neither right nor wrong."""


@dataclass(frozen=True, kw_only=True, eq=False)
class FoundBoxes:
    """What a model found in an image, in the image's pixels, best scores first."""

    corners: Corners
    scores: NDArray[np.float64]
    labels: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.scores)

    def part(self, chosen: NDArray[np.intp] | NDArray[np.bool_] | slice) -> "FoundBoxes":
        """Some of them."""
        return FoundBoxes(
            corners=self.corners[chosen], scores=self.scores[chosen], labels=self.labels[chosen]
        )


def overlaps(one: Corners, other: Corners) -> NDArray[np.float64]:
    """[boxes of one, boxes of other]: intersection over union; 0 for boxes without an area."""
    low = np.maximum(one[:, None, :2], other[None, :, :2])
    high = np.minimum(one[:, None, 2:], other[None, :, 2:])
    shared = np.clip(high - low, 0, None).prod(axis=2)
    union = _areas(one)[:, None] + _areas(other)[None, :] - shared
    return np.asarray(np.divide(shared, union, out=np.zeros_like(shared), where=union > 0))


def without_overlaps(boxes: FoundBoxes, limit: float, most: int) -> FoundBoxes:
    """Greedy suppression within each class: a box goes if a better one overlaps it by more.

    `most`: how many are kept.
    """
    kept: list[int] = []
    left = np.arange(len(boxes))
    while len(left) and len(kept) < most:
        best, left = left[0], left[1:]
        kept.append(int(best))
        shared = overlaps(boxes.corners[best : best + 1], boxes.corners[left])[0]
        left = left[(shared <= limit) | (boxes.labels[left] != boxes.labels[best])]
    return boxes.part(np.array(kept, dtype=np.intp))


def f1(one: FoundBoxes, other: FoundBoxes, iou: float) -> float:
    """Share of boxes with a partner of the same class: 2 pairs / (boxes of one + of other).

    Pairs are made greedily, the largest overlap first, which does not depend on whose boxes come
    first. Two empty images agree.
    """
    total = len(one) + len(other)
    if total == 0:
        return 1.0
    shared = overlaps(one.corners, other.corners)
    shared[one.labels[:, None] != other.labels[None, :]] = 0
    pairs = 0
    while shared.size and shared.max() >= iou:
        row, column = np.unravel_index(shared.argmax(), shared.shape)
        shared[row, :], shared[:, column] = 0, 0
        pairs += 1
    return 2 * pairs / total


def _areas(corners: Corners) -> NDArray[np.float64]:
    return np.asarray(np.clip(corners[:, 2:] - corners[:, :2], 0, None).prod(axis=1))
