"""Accuracy of a classifier, against counting by hand and against numpy's argsort."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trifocal.api.condition import Reason
from trifocal.artifacts.failure import RefusedError
from trifocal.optimizer.tasks.classification import Classification

SIX = tuple("abcdef")


def test_top1_and_top5_by_hand() -> None:
    judge = Classification(SIX).judge()
    scores = [6, 5, 4, 3, 2, 1]

    judge.add(np.array([scores, scores, scores, scores], np.float32), [0, 0, 4, 5])

    verdict = judge.verdict()
    assert verdict.items == 4
    assert verdict.metrics == {"top1": 0.5, "top5": 0.75}
    assert [(g.label, g.items, g.accuracy) for g in verdict.groups] == [
        ("a", 2, 1.0),
        ("e", 1, 0.0),
        ("f", 1, 0.0),
    ]


def test_batches_add_up() -> None:
    whole, parts = Classification(("a", "b")).judge(), Classification(("a", "b")).judge()
    scores = np.array([[1, 0], [0, 1], [1, 0]], np.float32)
    whole.add(scores, [0, 0, 1])

    parts.add(scores[:1], [0])
    parts.add(scores[1:], [0, 1])

    assert parts.verdict() == whole.verdict()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_answers_that_are_no_numbers_are_wrong(bad: float) -> None:
    judge = Classification(("a", "b")).judge()

    judge.add(np.array([[bad, 0], [1, 0]], np.float32), [0, 0])

    assert judge.verdict().metrics["top1"] == 0.5
    assert judge.verdict().not_finite == 1


def test_constant_answers_are_the_first_class() -> None:
    """As for a client that takes argmax: equal scores must not count as right for all classes."""
    judge = Classification(("a", "b", "c")).judge()

    judge.add(np.zeros((3, 3), np.float32), [0, 1, 2])

    assert judge.verdict().metrics["top1"] == pytest.approx(1 / 3)


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
    judge = Classification(tuple("abcdefgh")).judge()

    judge.add(scores, truths)

    order = np.argsort(-scores, axis=1, kind="stable")
    for metric, k in (("top1", 1), ("top5", 5)):
        hits = [truth in order[i, :k] for i, truth in enumerate(truths)]
        assert judge.verdict().metrics[metric] == pytest.approx(np.mean(hits))


def test_wrong_number_of_labels_is_named() -> None:
    with pytest.raises(
        RefusedError, match=r"has 4 scores for each image, but spec\.model\.labels has 6"
    ) as error:
        Classification(SIX).check_answer("scores", (1, 4))
    assert error.value.reason is Reason.LABELS_MISMATCH


def test_output_that_is_no_list_of_scores_is_named() -> None:
    with pytest.raises(RefusedError, match=r"Output 'map' has the shape \[1, 6, 7, 7\]"):
        Classification(SIX).check_answer("map", (1, 6, 7, 7))
