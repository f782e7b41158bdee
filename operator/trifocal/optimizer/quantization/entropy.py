"""The range that loses least information: minimal Kullback-Leibler divergence. Pure.

S. Migacz, "8-bit inference with TensorRT" (GTC 2017): for each range, what lies outside is counted
at its ends (p), the inside is merged to as many bins as there are integers and spread again over
the bins that held something (q); the range with the smallest divergence of q from p wins.
ONNX Runtime's own search takes minutes for a detector, and with its 128 bins it has one range to
choose from: the largest.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

LEVELS = 128
"""Bins that a range is merged to, as ONNX Runtime has it."""
_VALUES_PER_BIN = 10
"""With fewer, the histogram is no distribution, and the search would cut off most of it."""
_SMALLEST = 1e-4
"""Given to empty bins, because the divergence from zero is infinite."""


def threshold(counts: NDArray[np.int64], edges: NDArray[Any]) -> tuple[float, float]:
    """The best range of a histogram of an even number of bins, symmetric around zero."""
    if counts.sum() < counts.size * _VALUES_PER_BIN:
        return float(edges[0]), float(edges[-1])
    middle = counts.size // 2
    half = LEVELS // 2
    best, chosen = np.inf, (0, counts.size)
    before = np.concatenate([[0], np.cumsum(counts)])
    for reach in range(half, middle + 1):
        start, end = middle - reach, min(middle + reach + 1, counts.size)
        inside = counts[start:end]
        clipped = inside.astype(np.float64)
        clipped[0] += before[start]
        clipped[-1] += before[-1] - before[end]
        divergence = _divergence(_smooth(clipped), _smooth(_merged(inside, clipped > 0)))
        if divergence < best:
            best, chosen = divergence, (start, end)
    return float(edges[chosen[0]]), float(edges[chosen[1]])


def _merged(inside: NDArray[np.int64], held: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Counts after merging to LEVELS bins, spread evenly over the bins that held something."""
    starts = np.arange(LEVELS) * (inside.size // LEVELS)  # the last takes what remains
    widths = np.diff(starts, append=inside.size)
    totals = np.add.reduceat(inside, starts)
    filled = np.add.reduceat(held.astype(np.int64), starts)
    return np.repeat(totals / np.maximum(filled, 1), widths) * held


def _smooth(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Without zeros and with the same sum: what empty bins get, the others give."""
    empty = counts == 0
    filled = counts.size - int(empty.sum())
    if not filled:
        return np.full(counts.size, _SMALLEST)
    given = _SMALLEST * int(empty.sum()) / filled
    return np.where(empty, _SMALLEST, counts - given)


def _divergence(p: NDArray[np.float64], q: NDArray[np.float64]) -> float:
    """KL(p || q) of counts, in nats; infinite where one has no room for the smoothing."""
    if (p <= 0).any() or (q <= 0).any():
        return float("inf")
    p, q = p / p.sum(), q / q.sum()
    return float((p * np.log(p / q)).sum())
