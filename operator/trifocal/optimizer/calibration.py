"""The images that a quantizer looks at, and how they become tensors."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Read = Callable[[Path], NDArray[np.float32]]
"""From an image file to the input tensor, without the batch dimension."""


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """Images for quantization; nothing is known of what they show."""

    images: Sequence[Path]
    read: Read
    ranges: dict[str, bytes] = field(default_factory=dict, compare=False, repr=False)
    """Of graphs that have already seen these images, by what was asked for: to run a network on all
    of them takes longer than anything else that a quantizer does."""

    def tensors(self) -> Iterator[NDArray[np.float32]]:
        """Each image as a batch of one."""
        for path in self.images:
            yield self.read(path)[None]
