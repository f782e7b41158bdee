"""Classification: how many wrong classes each item's true class stands behind. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from trifocal.optimizer.tasks.tally import Tally, Weights, all_items

TOP_K = {"top1": 1, "top5": 5}
"""The gate's metrics: the label is among the best k scores."""


@dataclass(frozen=True, kw_only=True, eq=False)
class ClassificationTally(Tally):
    """Top-1 and top-5."""

    kind: ClassVar[str] = "classification"
    metrics: ClassVar[tuple[str, ...]] = tuple(TOP_K)

    truth: NDArray[np.int32]
    """[items]: the true class."""
    rank: NDArray[np.int32]
    """[items]: classes before the true one, 5 for five or more and for answers that are none."""

    @property
    @override
    def items(self) -> int:
        return len(self.truth)

    @override
    def measure(
        self, metric: str, weights: Weights | None = None, label: int | None = None
    ) -> float:
        weight = all_items(self.items, weights)
        if label is not None:
            weight = weight * self.shows(label)
        total = weight.sum()
        return float((weight * self.hits(metric)).sum() / total) if total else float("nan")

    @override
    def shows(self, label: int) -> NDArray[np.bool_]:
        return np.asarray(self.truth == label)

    @override
    def hits(self, metric: str) -> NDArray[np.bool_]:
        return np.asarray(self.rank < TOP_K[metric])

    @override
    def joined(self, other: Self) -> Self:
        return type(self)(
            truth=np.concatenate([self.truth, other.truth]),
            rank=np.concatenate([self.rank, other.rank]),
        )

    @override
    def arrays(self) -> Mapping[str, NDArray[Any]]:
        return {"truth": self.truth, "rank": self.rank}
