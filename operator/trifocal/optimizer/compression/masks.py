"""Which weights magnitude pruning keeps. Pure: True keeps a weight, False makes it zero."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]
_GROUP = 4
_KEPT_OF_GROUP = 2


def at_least(weights: Sequence[NDArray[Any]], threshold: float) -> list[Mask]:
    """Keep weights whose magnitude is `threshold` or more."""
    return [np.abs(weight) >= threshold for weight in weights]


def largest(weights: Sequence[NDArray[Any]], ratio: float) -> list[Mask]:
    """Remove the smallest `ratio` of all weights together, rounded down to whole weights.

    One ranking for the whole network (Han et al. 2015 rank each layer by itself): layers with
    much redundancy give more. Of equal magnitudes the earlier go first.
    """
    magnitudes = np.concatenate([np.abs(weight).reshape(-1) for weight in weights])
    count = int(ratio * magnitudes.size)
    keep = np.ones(magnitudes.size, dtype=np.bool_)
    if count:
        limit = np.partition(magnitudes, count - 1)[count - 1]
        keep = magnitudes > limit
        equal = np.flatnonzero(magnitudes == limit)
        keep[equal[count - int((magnitudes < limit).sum()) :]] = True
    ends = np.cumsum([weight.size for weight in weights])[:-1]
    parts = np.split(keep, ends)
    return [part.reshape(weight.shape) for part, weight in zip(parts, weights, strict=True)]


def two_of_four(weight: NDArray[Any]) -> Mask | None:
    """Keep the two largest of every four that are neighbours along axis 1, the summed one.

    None for a layer that has no such fours: its axis 1 is no multiple of four. Of equal
    magnitudes the earlier stay. The pattern is that of NVIDIA's sparse tensor cores (Mishra et
    al. 2021, arXiv 2104.08378).
    """
    if weight.shape[1] % _GROUP:
        return None
    last = np.moveaxis(np.abs(weight), 1, -1)
    fours = last.reshape(*last.shape[:-1], -1, _GROUP)
    order = np.argsort(-fours, axis=-1, kind="stable")
    keep = np.zeros(fours.shape, dtype=np.bool_)
    np.put_along_axis(keep, order[..., :_KEPT_OF_GROUP], values=True, axis=-1)
    return np.ascontiguousarray(np.moveaxis(keep.reshape(last.shape), -1, 1))
