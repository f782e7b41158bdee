"""Small changes to training images that change no label in general. Pure.

Brightness, contrast, noise and a shift of a few pixels. No flips and no rotations: they turn a 6
into a 9 and an upright page into another class.
"""

import numpy as np
from numpy.typing import NDArray

_CONTRAST = 0.2
_BRIGHTNESS = 0.2
"""In standard deviations of the batch, because images are normalized in many ways."""
_NOISE = 0.03
"""As above."""
_SHIFT = 0.04
"""Of height and width."""
_COLOURS = frozenset({1, 3, 4})

Batch = NDArray[np.float32]


def augmented(images: Batch, rng: np.random.Generator) -> Batch:
    """Another version of [batch, ...] images of three dimensions, channels first or last."""
    per_image = (len(images), 1, 1, 1)
    spread = float(images.std())
    means = images.mean(axis=(1, 2, 3), keepdims=True)
    contrast = rng.uniform(1 - _CONTRAST, 1 + _CONTRAST, per_image)
    brightness = rng.uniform(-_BRIGHTNESS, _BRIGHTNESS, per_image) * spread
    noise = rng.standard_normal(images.shape, dtype=np.float32) * np.float32(_NOISE * spread)
    changed = (images - means) * contrast + means + brightness + noise
    return _shifted(changed.astype(np.float32), rng)


def _shifted(images: Batch, rng: np.random.Generator) -> Batch:
    """Each image moved by a few pixels; its margin is repeated."""
    first = 1 if _channels_last(images.shape[1:]) else 2
    result = images
    for axis in (first, first + 1):
        size = images.shape[axis]
        reach = int(size * _SHIFT)
        if reach:
            moves = rng.integers(-reach, reach + 1, len(images))
            places = np.clip(np.arange(size)[None] - moves[:, None], 0, size - 1)
            shape = [len(images), 1, 1, 1]
            shape[axis] = size
            result = np.take_along_axis(result, places.reshape(shape), axis)
    return np.ascontiguousarray(result)


def _channels_last(shape: tuple[int, ...]) -> bool:
    return shape[-1] in _COLOURS and shape[0] not in _COLOURS
