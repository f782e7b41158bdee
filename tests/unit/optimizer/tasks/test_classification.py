"""Accuracy of a classifier, against counting by hand and against numpy's argsort."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from trifocal.api.condition import Reason
from trifocal.artifacts.failure import RefusedError
from trifocal.optimizer.dataset import Item
from trifocal.optimizer.tasks.classification import Classification
from trifocal.optimizer.tasks.classification_tally import ClassificationTally

SIX = tuple("abcdef")


def tally(labels: str, scores: NDArray[np.float32], truths: Sequence[int]) -> ClassificationTally:
    task = Classification(labels)
    paths = [Path(str(number)) for number in range(len(truths))]
    items = [Item(path=path, truth=truth) for path, truth in zip(paths, truths, strict=True)]
    return task.tally(task.decode(scores, paths), items)


def test_top1_and_top5_by_hand() -> None:
    scores = np.tile(np.array([6, 5, 4, 3, 2, 1], np.float32), (4, 1))

    found = tally("abcdef", scores, [0, 0, 4, 5])

    assert found.measure("top1") == 0.5
    assert found.measure("top5") == 0.75
    assert found.measure("top1", label=0) == 1
    assert found.measure("top1", label=4) == 0
    assert np.isnan(found.measure("top1", label=1))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_answers_that_are_no_numbers_are_wrong_and_agree_with_nothing(bad: float) -> None:
    scores = np.array([[bad, 0], [1, 0]], np.float32)
    task = Classification("ab")

    assert tally("ab", scores, [0, 0]).measure("top1") == 0.5
    broken, fine = task.decode(scores, [Path("a"), Path("b")])
    assert task.agreement(broken, fine) == task.agreement(broken, broken) == 0
    assert task.agreement(fine, fine) == 1


def test_constant_answers_are_the_first_class() -> None:
    """As for a client that takes argmax: equal scores must not count as right for all classes."""
    found = tally("abc", np.zeros((3, 3), np.float32), [0, 1, 2])

    assert found.measure("top1") == pytest.approx(1 / 3)


@given(
    st.lists(
        st.tuples(st.lists(st.integers(0, 3), min_size=8, max_size=8), st.integers(0, 7)),
        min_size=1,
        max_size=20,
    )
)
def test_agrees_with_stable_sorting(rows: list[tuple[list[int], int]]) -> None:
    scores = np.array([row for row, _ in rows], np.float32)
    truths = [truth for _, truth in rows]

    found = tally("abcdefgh", scores, truths)

    order = np.argsort(-scores, axis=1, kind="stable")
    for metric, k in (("top1", 1), ("top5", 5)):
        hits = [truth in order[i, :k] for i, truth in enumerate(truths)]
        assert found.measure(metric) == pytest.approx(np.mean(hits))


def test_wrong_number_of_labels_is_named() -> None:
    with pytest.raises(
        RefusedError, match=r"has 4 scores for each image, but spec\.model\.labels has 6"
    ) as error:
        Classification(SIX).check_answer("scores", (1, 4))
    assert error.value.reason is Reason.LABELS_MISMATCH


def test_output_that_is_no_list_of_scores_is_named() -> None:
    with pytest.raises(RefusedError, match=r"Output 'map' has the shape \[1, 6, 7, 7\]"):
        Classification(SIX).check_answer("map", (1, 6, 7, 7))
