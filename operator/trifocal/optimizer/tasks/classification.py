"""Classification: one score for each class; accuracy is top-1, top-5 and top-1 for each class."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trifocal.api.condition import Reason
from trifocal.artifacts.failure import RefusedError
from trifocal.optimizer.dataset import LabelledImage, labelled_images
from trifocal.optimizer.tasks.task import Accuracy, GroupAccuracy

TOP_K = {"top1": 1, "top5": 5}
"""The gate's metrics: the label is among the best k scores."""


class Classification:
    """A classifier with these labels, in the order of its scores."""

    def __init__(self, labels: Sequence[str]) -> None:
        self._labels = tuple(labels)

    def items(self, folder: Path) -> Sequence[LabelledImage]:
        """Rows of labels.csv."""
        return labelled_images(folder, self._labels)

    def check_answer(self, output: str, shape: Sequence[int]) -> None:
        """Expect [1, classes], and as many classes as labels."""
        expected = [1, len(self._labels)]
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
            f"{len(self._labels)} labels; list one label for each score, in their order.",
        )

    def judge(self) -> "ClassificationJudge":
        """A judge who has seen nothing yet."""
        return ClassificationJudge(self._labels)


class ClassificationJudge:
    """Counts the items whose true class is among the best scores."""

    def __init__(self, labels: Sequence[str]) -> None:
        self._labels = tuple(labels)
        self._hits = dict.fromkeys(TOP_K, 0)
        self._class_items = np.zeros(len(labels), dtype=np.int64)
        self._class_hits = np.zeros(len(labels), dtype=np.int64)
        self._not_finite = 0

    def add(self, answers: NDArray[Any], truths: Sequence[int]) -> None:
        """Take scores [batch, classes] and the true classes."""
        truth = np.asarray(truths, dtype=np.int64)
        finite = np.isfinite(answers).all(axis=1)
        rank = _rank_of_truth(answers, truth)
        for metric, k in TOP_K.items():
            self._hits[metric] += int(((rank < k) & finite).sum())
        np.add.at(self._class_items, truth, 1)
        np.add.at(self._class_hits, truth[(rank < 1) & finite], 1)
        self._not_finite += int((~finite).sum())

    def verdict(self) -> Accuracy:
        """Shares of all items seen; classes without items are left out."""
        items = int(self._class_items.sum())
        groups = tuple(
            GroupAccuracy(label=label, items=int(count), accuracy=float(hits / count))
            for label, count, hits in zip(
                self._labels, self._class_items, self._class_hits, strict=True
            )
            if count
        )
        return Accuracy(
            items=items,
            metrics={metric: hits / max(items, 1) for metric, hits in self._hits.items()},
            groups=groups,
            not_finite=self._not_finite,
        )


def _rank_of_truth(scores: NDArray[Any], truth: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many classes stand before the true one; of equal scores the lower index stands first.

    The same order as numpy's argmax, so that top-1 is what a client that takes argmax sees.
    """
    own = scores[np.arange(len(truth)), truth][:, None]
    earlier = np.arange(scores.shape[1])[None, :] < truth[:, None]
    before = (scores > own) | ((scores == own) & earlier)
    return np.asarray(before.sum(axis=1), dtype=np.int64)
