"""Parity: how far two answers are apart, by hand."""

import numpy as np
import pytest

from trifocal.artifacts.failure import RefusedError
from trifocal.optimizer.formats.parity import compared


def answers(*rows: list[float]) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return np.asarray(rows, np.float32)


def test_errors_and_labels_by_hand() -> None:
    source = answers([4.0, 1.0], [2.0, 2.0], [0.0, -8.0])
    onnx = answers([4.0, 1.0], [2.0, 2.001953125], [0.00390625, -8.0])

    parity = compared(source, onnx, "classification", 2)

    assert parity.max_abs == 0.00390625
    assert parity.max_rel == 0.00390625 / 8
    # The second row was a tie, of which argmax takes the first.
    assert parity.label_agreement == pytest.approx(2 / 3)
    assert parity.items == 3


def test_channels_of_a_segmentation_are_first_or_last() -> None:
    source = np.zeros((1, 2, 4, 4), np.float32)
    source[:, 1, :2] = 1
    onnx = source.copy()
    onnx[0, :, 0, 0] = (1e-4, 0)
    onnx[0, 1, 0, 0] = 1

    assert compared(source, onnx, "segmentation", 2).label_agreement == 1
    last = source.transpose(0, 2, 3, 1)
    assert compared(last, last, "segmentation", 2).label_agreement == 1


def test_one_channel_is_cut_at_a_half_or_at_zero() -> None:
    probabilities = answers([0.4999], [0.6], [0.1], [0.9])
    moved = answers([0.5001], [0.6], [0.1], [0.9])
    logits = answers([-0.0001], [3.0], [-2.0], [1.0])

    assert compared(probabilities, moved, "segmentation", 2).label_agreement == 0.75
    moved = answers([0.0001], [3.0], [-2.0], [1.0])
    assert compared(logits, moved, "segmentation", 2).label_agreement == 0.75


def test_boxes_have_no_label() -> None:
    boxes = np.ones((2, 6, 10), np.float32)

    assert compared(boxes, boxes, "detection", 2).label_agreement is None


def test_answers_that_are_apart_are_refused_with_both_figures() -> None:
    with pytest.raises(RefusedError, match=r"differ by 0\.02, which is 1\.0% of the largest"):
        compared(answers([2.0, 1.0]), answers([1.98, 1.0]), "classification", 2)


def test_other_shapes_are_refused() -> None:
    with pytest.raises(RefusedError, match=r"\[1, 2\] and the ONNX file in \[1, 3\]"):
        compared(answers([1, 2]), answers([1, 2, 3]), "classification", 2)


def test_nan_is_the_sources_fault() -> None:
    with pytest.raises(RefusedError, match="answers NaN or infinity"):
        compared(answers([float("nan")]), answers([0.0]), "classification", 2)


def test_nan_of_the_file_alone_is_a_difference() -> None:
    with pytest.raises(RefusedError, match="could be converted to ONNX, but its answers differ"):
        compared(answers([1.0]), answers([float("nan")]), "classification", 2)
