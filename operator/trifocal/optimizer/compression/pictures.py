"""The training images as batches, and which of them are held out to judge the epochs."""

import numpy as np
from numpy.typing import NDArray

from trifocal.optimizer.runtimes.backend import BuildError
from trifocal.optimizer.training import TrainingData

_HELD_OUT = 0.15
_FEWEST = 16
"""Images: of fewer, hardly one for each of a few classes would be left to judge by."""
_KEPT_BYTES = 256 << 20
"""Decoded images that stay in memory; beyond it they are read again in each epoch."""


class Pictures:
    """Reads images once, as long as they fit."""

    def __init__(self, data: TrainingData) -> None:
        self._data = data
        self._kept: dict[int, NDArray[np.float32]] = {}
        self._bytes = 0

    def batch(self, places: NDArray[np.int64]) -> NDArray[np.float32]:
        """Tensors [batch, ...] of these images.

        Raises:
            WorkError: An image is unreadable.
        """
        return np.stack([self._one(int(place)) for place in places])

    def truths(self, places: NDArray[np.int64]) -> NDArray[np.int64] | None:
        """Classes of these images, where they are known."""
        known = self._data.truths
        return None if known is None else np.asarray([known[int(it)] for it in places], np.int64)

    def _one(self, place: int) -> NDArray[np.float32]:
        found = self._kept.get(place)
        if found is None:
            found = self._data.read(self._data.images[place])
            if self._bytes + found.nbytes <= _KEPT_BYTES:
                self._kept[place] = found
                self._bytes += found.nbytes
        return found


def divide(count: int, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Places of the images to learn from, and of those held out to choose the best epoch.

    Raises:
        BuildError: Too few.
    """
    if count < _FEWEST:
        raise BuildError(
            f"spec.optimization.datasets.training has {count} images; give at least {_FEWEST}"
        )
    order = np.random.default_rng(seed).permutation(count)
    held_out = max(_FEWEST // 4, round(count * _HELD_OUT))
    return order[held_out:], order[:held_out]
