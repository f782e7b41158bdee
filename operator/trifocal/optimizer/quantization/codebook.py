"""Non-linear quantization: 256 values of any spacing, found by Lloyd's algorithm. Pure.

S. P. Lloyd, "Least squares quantization in PCM", IEEE Trans. Inf. Theory 28 (1982): each value
goes to its nearest entry, each entry to the mean of its values, and neither step can raise the
squared error. It starts from the linear 8-bit grid, so it is never worse than that.
"""

import numpy as np
from numpy.typing import NDArray

from trifocal.optimizer.quantization import linear

ENTRIES = 256
"""As many as a uint8 tells apart."""
MOST_ROUNDS = 100
ENOUGH = 1e-4
"""Relative gain of a round below which the rest is not worth the time."""


def codebook(values: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Entries [256], ascending, and for each value (in its shape) the index of its entry.

    Raises:
        ValueError: A value is not finite, or there is none.
    """
    ordered = np.sort(values, axis=None).astype(np.float64)
    grid = linear.dequantize(
        np.arange(ENTRIES, dtype=np.uint8), linear.fitted(values, np.uint8, symmetric=False)
    )
    entries = grid.astype(np.float64)
    # Sums up to each position give the mean of any run of values without a pass over them.
    sums = np.concatenate([[0.0], np.cumsum(ordered)])
    squares = np.concatenate([[0.0], np.cumsum(ordered**2)])
    before = np.inf
    for _round in range(MOST_ROUNDS):
        ends = np.concatenate([[0], np.searchsorted(ordered, _middles(entries)), [ordered.size]])
        counts, totals = np.diff(ends), np.diff(sums[ends])
        error = float((np.diff(squares[ends]) - 2 * entries * totals + counts * entries**2).sum())
        if before - error <= ENOUGH * error:
            break
        before = error
        # An entry without values stays where it is.
        entries = np.where(counts > 0, totals / np.maximum(counts, 1), entries)
    book = entries.astype(np.float32)
    return book, np.searchsorted(_middles(book.astype(np.float64)), values).astype(np.uint8)


def _middles(entries: NDArray[np.float64]) -> NDArray[np.float64]:
    return (entries[1:] + entries[:-1]) / 2
