"""Classification: one score for each class; the answer is the order of the best five."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trifocal.api.condition import Reason
from trifocal.artifacts.failure import RefusedError
from trifocal.optimizer.dataset import Item, labelled_images
from trifocal.optimizer.tasks.classification_tally import TOP_K, ClassificationTally

_BEST = max(TOP_K.values())

Ranking = NDArray[np.int32]
"""[up to 5]: classes, the best first; empty for scores that held NaN or infinity."""


class Classification:
    """A classifier with these labels, in the order of its scores."""

    def __init__(self, labels: Sequence[str]) -> None:
        self.labels = tuple(labels)

    def items(self, folder: Path) -> Sequence[Item]:
        """Rows of labels.csv; the truth is the index of the class."""
        return labelled_images(folder, self.labels)

    def check_answer(self, output: str, shape: Sequence[int]) -> None:
        """Expect [1, classes], and as many classes as labels."""
        expected = [1, len(self.labels)]
        if list(shape) == expected:
            return
        if len(shape) != len(expected):
            raise RefusedError(
                Reason.LABELS_MISMATCH,
                f"Output '{output}' has the shape {list(shape)} for one image; class scores have "
                f"[1, classes]. Name the output with the scores in spec.model.output.",
            )
        raise RefusedError(
            Reason.LABELS_MISMATCH,
            f"Output '{output}' has {shape[1]} scores for each image, but spec.model.labels has "
            f"{len(self.labels)} labels; list one label for each score, in their order.",
        )

    def decode(self, outputs: NDArray[Any], paths: Sequence[Path]) -> Sequence[Ranking]:
        """The best five classes; of equal scores the lower class stands first.

        As for a client that takes numpy's argmax: a model that answers the same for all classes
        must not be right about all of them.
        """
        del paths  # scores mean the same in any image
        best = np.argsort(-outputs, axis=1, kind="stable")[:, :_BEST].astype(np.int32)
        finite = np.isfinite(outputs).all(axis=1)
        return [row if fine else row[:0] for row, fine in zip(best, finite, strict=True)]

    def agreement(self, one: Ranking, other: Ranking) -> float:
        """1 if the first class is the same."""
        return float(len(one) > 0 and len(other) > 0 and one[0] == other[0])

    def tally(self, answers: Sequence[Ranking], items: Sequence[Item]) -> ClassificationTally:
        """Where in the ranking the true class stands."""
        truth = np.array([item.truth for item in items], dtype=np.int32)
        rank = np.full(len(items), _BEST, dtype=np.int32)
        for number, (answer, true) in enumerate(zip(answers, truth, strict=True)):
            found = np.flatnonzero(answer == true)
            if len(found):
                rank[number] = found[0]
        return ClassificationTally(truth=truth, rank=rank)
