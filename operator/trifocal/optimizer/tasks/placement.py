"""Where an image lies in the input, and a point of the input in the image. Pure.

The same arithmetic as `preprocessing`, which turns the pixels.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from trifocal.api.model import ModelSpec, Resize


@dataclass(frozen=True, kw_only=True)
class Placement:
    """Of one image of `image_size` in an input of `input_size`, both (width, height) in pixels.

    The image is scaled to `scaled_size`, and its corner put at (left, top) of the input; these are
    negative where the image is cropped.
    """

    image_size: tuple[int, int]
    input_size: tuple[int, int]
    scaled_size: tuple[int, int]
    left: int
    top: int

    def boxes_in_image(self, boxes: NDArray[np.float64]) -> NDArray[np.float64]:
        """[N, 4] x1, y1, x2, y2 in pixels of the input -> of the image, cut at its edges."""
        corner = np.array([self.left, self.top] * 2, dtype=np.float64)
        size = np.array(self.image_size * 2, dtype=np.float64)
        scale = size / np.array(self.scaled_size * 2, dtype=np.float64)
        return np.asarray(np.clip((boxes - corner) * scale, 0.0, size))

    def mask_in_input(self, mask: Image.Image, outside: int) -> NDArray[np.uint8]:
        """A mask of the image as [height, width] of the input; no pixel is mixed with another.

        `outside` fills what the image does not cover.
        """
        canvas = Image.new("L", self.input_size, outside)
        canvas.paste(mask.resize(self.scaled_size, Image.Resampling.NEAREST), (self.left, self.top))
        return np.asarray(canvas, dtype=np.uint8)


def placement(image_size: tuple[int, int], model: ModelSpec) -> Placement:
    """Of an image (width, height) as a model's preprocessing resizes it."""
    height, width = model.image_size
    scaled, (left, top) = _scaled(image_size, (width, height), model.preprocessing.resize)
    return Placement(
        image_size=image_size, input_size=(width, height), scaled_size=scaled, left=left, top=top
    )


def _scaled(
    image: tuple[int, int], size: tuple[int, int], resize: Resize
) -> tuple[tuple[int, int], tuple[int, int]]:
    if resize.mode == "stretch":
        return size, (0, 0)
    if resize.mode == "shortest-edge":
        factor = (resize.shortest_edge or 0) / min(image)
        scaled = (round(image[0] * factor), round(image[1] * factor))
        return scaled, (-((scaled[0] - size[0]) // 2), -((scaled[1] - size[1]) // 2))
    factor = min(size[0] / image[0], size[1] / image[1])
    scaled = (max(1, round(image[0] * factor)), max(1, round(image[1] * factor)))
    return scaled, ((size[0] - scaled[0]) // 2, (size[1] - scaled[1]) // 2)
