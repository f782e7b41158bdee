"""Lloyd's codebook: exact where it can be, and never worse than a line."""

import numpy as np
import pytest

from trifocal.optimizer.quantization.codebook import coded
from trifocal.optimizer.quantization.linear import dequantize, fitted, quantize


def test_three_values_by_hand() -> None:
    """The scale is 1; 0.4 and 0.6 lie half a step apart, so that each becomes an entry."""
    values = np.asarray([[127, 0.4, 0.6, 0.4]], np.float32)

    found = coded(values, axis=0)

    assert found.scale.tolist() == [[1]]
    assert found.decoded() == pytest.approx(values, abs=1e-6)


def test_values_of_one_cell_become_their_mean() -> None:
    """All between 0.5 and 1.5 steps are nearest to one entry: the mean of 0.9, 1 and 1.2."""
    values = np.asarray([[127, 0.9, 1.0, 1.2]], np.float32)

    assert coded(values, axis=0).decoded()[0, 1:] == pytest.approx([3.1 / 3] * 3)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_never_worse_than_linear_quantization_of_each_channel(seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = rng.laplace(size=(8, 400)) * rng.uniform(0.01, 1, (8, 1))
    weights = values.astype(np.float32)
    by = fitted(weights, np.int8, symmetric=True, axis=0)

    linear = np.square(dequantize(quantize(weights, by), by) - weights).sum()
    non_linear = np.square(coded(weights, axis=0).decoded() - weights).sum()

    assert non_linear < 0.9 * linear  # Laplace's peak is far from a line's even spacing


def test_indices_are_bytes_and_entries_ascend() -> None:
    weights = np.random.default_rng(3).normal(size=(3, 2, 100)).astype(np.float32)

    found = coded(weights, axis=1)

    assert found.indices.dtype == np.uint8
    assert found.indices.shape == weights.shape
    assert found.scale.shape == (1, 2, 1)
    assert (np.diff(found.entries) >= 0).all()
