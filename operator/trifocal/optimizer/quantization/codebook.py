"""Non-linear quantization: 256 values of any spacing, found by Lloyd's algorithm. Pure.

S. P. Lloyd, "Least squares quantization in PCM", IEEE Trans. Inf. Theory 28 (1982): each value
goes to its nearest entry, each entry to the mean of its values, and neither step can raise the
squared error. It starts from the symmetric linear grid of each channel, so that its error is
never larger than that of linear 8-bit quantization.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trifocal.optimizer.quantization import linear

ENTRIES = 256
"""As many as a uint8 tells apart."""
MOST_ROUNDS = 100
ENOUGH = 1e-4
"""Relative gain of a round below which the rest is not worth the time."""


@dataclass(frozen=True, kw_only=True)
class Coded:
    """A tensor as `entries[indices] * scale`, the scale laid along its channels."""

    entries: NDArray[np.float32]
    """[256], ascending, in units of a channel's scale: linear quantization has integers here."""
    indices: NDArray[np.uint8]
    """In the tensor's shape."""
    scale: NDArray[np.float32]
    """Size of each channel's step; in as many dimensions as the tensor, all 1 but the channels'."""

    def decoded(self) -> NDArray[np.float32]:
        """The tensor again."""
        values: NDArray[np.float32] = self.entries[self.indices] * self.scale
        return values


def coded(values: NDArray[np.float32], axis: int) -> Coded:
    """The codebook of a tensor whose channels along `axis` have scales of their own.

    Raises:
        ValueError: A value is not finite, or there is none.
    """
    by = linear.fitted(values, np.int8, symmetric=True, axis=axis)
    scale = by.scale.reshape([-1 if i == axis else 1 for i in range(values.ndim)])
    steps = (values / scale).astype(np.float64)
    weights = np.broadcast_to(scale.astype(np.float64) ** 2, values.shape)
    limits = np.iinfo(np.int8)
    start = np.arange(limits.min, limits.max + 1, dtype=np.float64)
    entries = _lloyd(steps.ravel(), weights.ravel(), start).astype(np.float32)
    indices = np.searchsorted(_middles(entries.astype(np.float64)), steps)
    return Coded(entries=entries, indices=indices.astype(np.uint8), scale=scale)


def _lloyd(
    values: NDArray[np.float64], weights: NDArray[np.float64], entries: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Entries of no larger weighted squared error than those given, ascending."""
    order = np.argsort(values)
    values, weights = values[order], weights[order]
    # Sums up to each position give the mean of any run of values without a pass over them.
    mass, sums, squares = (
        np.concatenate([[0.0], np.cumsum(weights * values**power)]) for power in (0, 1, 2)
    )
    before = np.inf
    for _round in range(MOST_ROUNDS):
        ends = np.concatenate([[0], np.searchsorted(values, _middles(entries)), [values.size]])
        masses, totals = np.diff(mass[ends]), np.diff(sums[ends])
        error = float((np.diff(squares[ends]) - 2 * entries * totals + masses * entries**2).sum())
        if before - error <= ENOUGH * error:
            break
        before = error
        # An entry without values stays where it is.
        means = totals / np.where(masses > 0, masses, 1)
        entries = np.where(masses > 0, means, entries)
    return entries


def _middles(entries: NDArray[np.float64]) -> NDArray[np.float64]:
    return (entries[1:] + entries[:-1]) / 2
