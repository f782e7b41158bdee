"""Detection: each box that was found, and whether it matched a true one. Pure.

Which boxes match is COCO's affair (pycocotools, in `detection_matching`). Matching happens within
one image, so the matches stay what they are whichever images are looked at; precision and recall
are computed here, with COCO's rules, because the gate does so for many weightings of the images.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from trifocal.optimizer.tasks.tally import Tally, Weights, all_items

IOU_THRESHOLDS = np.linspace(0.5, 0.95, 10)
"""COCO's: a match must overlap by at least so much."""
_RECALLS = np.linspace(0, 1, 101)
"""Where COCO reads the precision."""


@dataclass(frozen=True, kw_only=True, eq=False)
class DetectionTally(Tally):
    """Mean average precision: map at IoU 0.50 to 0.95, map50 at 0.50."""

    kind: ClassVar[str] = "detection"
    metrics: ClassVar[tuple[str, ...]] = ("map", "map50")

    truths: NDArray[np.int32]
    """[items, classes]: true boxes, crowds left out."""
    item: NDArray[np.int32]
    """[boxes]: the item that each found box is in."""
    label: NDArray[np.int32]
    """[boxes]: its class."""
    score: NDArray[np.float64]
    """[boxes]."""
    matched: NDArray[np.bool_]
    """[boxes, IoU thresholds]: it matched a true box."""
    ignored: NDArray[np.bool_]
    """[boxes, IoU thresholds]: it counts neither for nor against: it matched a crowd."""

    @property
    @override
    def items(self) -> int:
        return len(self.truths)

    @override
    def measure(
        self, metric: str, weights: Weights | None = None, label: int | None = None
    ) -> float:
        weight = all_items(self.items, weights)
        wanted = weight @ self.truths
        labels = np.flatnonzero(wanted) if label is None else np.array([label])
        thresholds = slice(0, 1 if metric == "map50" else len(IOU_THRESHOLDS))
        precisions = [
            self._average_precision(int(one), weight, float(wanted[one]), thresholds)
            for one in labels
            if wanted[one]
        ]
        return float(np.mean(precisions)) if precisions else float("nan")

    def _average_precision(
        self, label: int, weight: Weights, wanted: float, thresholds: slice
    ) -> float:
        """Of one class: the area under its precision-recall curve, averaged over thresholds."""
        mine = self._by_score[label]
        each = weight[self.item[mine]][:, None] * ~self.ignored[mine, thresholds]
        right = np.cumsum(each * self.matched[mine, thresholds], axis=0)
        recall = right / wanted
        precision = right / np.maximum(np.cumsum(each, axis=0), np.finfo(np.float64).tiny)
        # The curve is read as the best precision at this recall or any higher one.
        envelope = np.maximum.accumulate(precision[::-1], axis=0)[::-1]
        read = [_read(recall[:, column], envelope[:, column]) for column in range(recall.shape[1])]
        return float(np.mean(read))

    @cached_property
    def _by_score(self) -> Sequence[NDArray[np.intp]]:
        """Boxes of each class, best scores first: the gate measures hundreds of weightings."""
        order = np.argsort(-self.score, kind="stable")
        labels = self.label[order]
        return [order[labels == label] for label in range(self.truths.shape[1])]

    @override
    def shows(self, label: int) -> NDArray[np.bool_]:
        return np.asarray(self.truths[:, label] > 0)

    @override
    def hits(self, metric: str) -> None:
        return None

    @override
    def joined(self, other: Self) -> Self:
        moved = {**other.arrays(), "item": other.item + np.int32(self.items)}
        return type(self)(
            **{name: np.concatenate([array, moved[name]]) for name, array in self.arrays().items()}
        )

    @override
    def arrays(self) -> Mapping[str, NDArray[Any]]:
        return {
            "truths": self.truths,
            "item": self.item,
            "label": self.label,
            "score": self.score,
            "matched": self.matched,
            "ignored": self.ignored,
        }


def _read(recall: NDArray[np.float64], precision: NDArray[np.float64]) -> float:
    at = np.searchsorted(recall, _RECALLS, side="left")
    return float(np.append(precision, 0.0)[at].mean())
