"""Overlaps, suppression and F1 of boxes, by hand."""

import numpy as np
import pytest

from trifocal.optimizer.tasks.boxes import FoundBoxes, f1, overlaps, without_overlaps


def boxes(*rows: tuple[float, float, float, float, float, int]) -> FoundBoxes:
    """x1, y1, x2, y2, score, class."""
    table = np.array(rows, np.float64).reshape(-1, 6)
    return FoundBoxes(corners=table[:, :4], scores=table[:, 4], labels=table[:, 5].astype(np.int32))


def test_overlaps_by_hand() -> None:
    """Two squares of 10, shifted by 5: 50 of 150; a box without an area overlaps nothing."""
    one = np.array([[0, 0, 10, 10]], np.float64)
    other = np.array([[5, 0, 15, 10], [0, 0, 10, 10], [20, 20, 30, 30], [3, 3, 3, 3]], np.float64)

    assert overlaps(one, other) == pytest.approx(np.array([[1 / 3, 1, 0, 0]]))


def test_lower_scores_that_overlap_go_within_a_class() -> None:
    found = boxes((0, 0, 10, 10, 0.9, 0), (1, 0, 11, 10, 0.8, 0), (0, 0, 10, 10, 0.7, 1))

    assert without_overlaps(found, 0.5, 9).scores.tolist() == [0.9, 0.7]


def test_chain_keeps_its_far_end() -> None:
    """The middle one goes, so it suppresses nobody: 0-4 and 8-12 of 12 do not touch."""
    found = boxes((0, 0, 8, 10, 0.9, 0), (3, 0, 11, 10, 0.8, 0), (6, 0, 14, 10, 0.7, 0))

    assert without_overlaps(found, 0.4, 9).scores.tolist() == [0.9, 0.7]


def test_f1_by_hand() -> None:
    one = boxes((0, 0, 10, 10, 0.9, 0), (20, 0, 30, 10, 0.8, 0), (40, 0, 50, 10, 0.7, 1))
    other = boxes((1, 0, 11, 10, 0.5, 0), (40, 0, 50, 10, 0.5, 0))

    assert f1(one, other, 0.5) == pytest.approx(2 * 1 / 5)
    assert f1(other, one, 0.5) == f1(one, other, 0.5)


def test_empty_images_agree_and_one_box_against_none_does_not() -> None:
    assert f1(boxes(), boxes(), 0.5) == 1
    assert f1(boxes((0, 0, 1, 1, 1, 0)), boxes(), 0.5) == 0
