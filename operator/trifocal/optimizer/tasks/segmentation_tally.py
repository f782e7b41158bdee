"""Segmentation: pixels of each class in each item that are right, true and answered. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from trifocal.optimizer.tasks.tally import Tally, Weights, all_items


@dataclass(frozen=True, kw_only=True, eq=False)
class SegmentationTally(Tally):
    """Mean IoU over the classes that are present, from the confusion matrix of all pixels.

    IoU of a class = right / (true + answered - right), pixels summed over the items (PASCAL VOC).
    A class is present when a true pixel has it: classes that only wrong answers name lower the IoU
    of the classes that they were put in place of.
    """

    kind: ClassVar[str] = "segmentation"
    metrics: ClassVar[tuple[str, ...]] = ("miou",)

    right: NDArray[np.int64]
    """[items, classes]: pixels whose true class was answered."""
    true: NDArray[np.int64]
    """[items, classes]: pixels of the class."""
    answered: NDArray[np.int64]
    """[items, classes]: pixels that were said to be of the class, ignored pixels left out."""

    @property
    @override
    def items(self) -> int:
        return len(self.right)

    @override
    def measure(
        self, metric: str, weights: Weights | None = None, label: int | None = None
    ) -> float:
        del metric  # there is one
        weight = all_items(self.items, weights)
        right, true, answered = (weight @ part for part in (self.right, self.true, self.answered))
        present = true > 0
        if label is not None:
            present &= np.arange(len(present)) == label
        if not present.any():
            return float("nan")
        union = true + answered - right
        return float((right[present] / union[present]).mean())

    @override
    def shows(self, label: int) -> NDArray[np.bool_]:
        return np.asarray(self.true[:, label] > 0)

    @override
    def hits(self, metric: str) -> None:
        return None

    @override
    def joined(self, other: Self) -> Self:
        return type(self)(
            **{
                name: np.concatenate([array, other.arrays()[name]])
                for name, array in self.arrays().items()
            }
        )

    @override
    def arrays(self) -> Mapping[str, NDArray[Any]]:
        return {"right": self.right, "true": self.true, "answered": self.answered}
