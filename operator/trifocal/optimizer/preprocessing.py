"""From an image file to the model's input tensor, as `spec.model.preprocessing` says."""

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from trifocal.api.condition import Reason
from trifocal.api.model import ModelSpec, Preprocessing, Resize
from trifocal.artifacts.failure import RefusedError

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "TIFF", "PPM")
"""Decoders that may run on the tenant's bytes; Pillow has dozens more, seldom used and audited."""
SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".ppm", ".pgm"})
MAX_PIXELS = 64_000_000
"""Pixels of one image: above any camera's picture, 256 MB once decoded."""
_FILTERS = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
}
_MODES = {"RGB": "RGB", "BGR": "RGB", "GRAY": "L"}

Pixels = NDArray[np.uint8]
"""[height, width, channels], 0 to 255."""


@dataclass(frozen=True, kw_only=True)
class ImageReader:
    """Reads image files as one input's tensors, without the batch dimension."""

    height: int
    width: int
    channels: int
    preprocessing: Preprocessing

    def read(self, path: Path) -> NDArray[np.float32]:
        """Decode, resize, order and normalize one file.

        Raises:
            RefusedError: DatasetInvalid, when it is no image of a format that is read.
        """
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            try:
                with Image.open(path, formats=FORMATS) as image:
                    _check_pixels(image, path)
                    return self.tensor(image)
            except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
                raise _too_large(path) from error
            except UnidentifiedImageError as error:
                raise RefusedError(
                    Reason.DATASET_INVALID,
                    f"{path.name} is not an image of a format that is read "
                    f"({', '.join(FORMATS)}); convert it or leave it out.",
                ) from error
            except (OSError, SyntaxError, ValueError) as error:
                # Pillow raises each of these for broken files; SyntaxError by PNG.
                raise RefusedError(
                    Reason.DATASET_INVALID,
                    f"{path.name} is damaged ({error}); replace it or leave it out.",
                ) from error

    def tensor(self, image: Image.Image) -> NDArray[np.float32]:
        """The input tensor of a decoded image."""
        spec = self.preprocessing
        plain = image.convert(_MODES[spec.color_order])
        pixels = np.asarray(_resized(plain, self.width, self.height, spec.resize), dtype=np.uint8)
        return normalized(pixels.reshape(self.height, self.width, self.channels), spec)


def image_reader(model: ModelSpec) -> ImageReader:
    """Reader for a model's image input.

    Raises:
        RefusedError: InvalidSpec, when shape, layout and preprocessing contradict each other.
    """
    spec = model.preprocessing
    shape = model.inputs[0].shape
    channels, height, width = shape if spec.layout == "NCHW" else (shape[2], shape[0], shape[1])
    wanted = 1 if spec.color_order == "GRAY" else 3
    if channels != wanted:
        raise RefusedError(
            Reason.INVALID_SPEC,
            f"spec.model.inputs[0].shape {list(shape)} has {channels} channels with layout "
            f"{spec.layout}, but colorOrder {spec.color_order} has {wanted}; change one of them.",
        )
    for name, values in (("mean", spec.mean), ("std", spec.std)):
        if len(values) not in {1, channels}:
            raise RefusedError(
                Reason.INVALID_SPEC,
                f"spec.model.preprocessing.{name} has {len(values)} values; give 1, or one for "
                f"each of the {channels} channels.",
            )
    _check_resize(spec.resize, height, width)
    return ImageReader(height=height, width=width, channels=channels, preprocessing=spec)


def normalized(pixels: Pixels, spec: Preprocessing) -> NDArray[np.float32]:
    """(pixel * scale - mean) / std in float32, colours and dimensions in the model's order."""
    ordered = pixels[:, :, ::-1] if spec.color_order == "BGR" else pixels
    values = ordered.astype(np.float32) * np.float32(spec.scale)
    mean, std = np.asarray(spec.mean, np.float32), np.asarray(spec.std, np.float32)
    values = (values - mean) / std
    if spec.layout == "NCHW":
        values = values.transpose(2, 0, 1)
    return np.ascontiguousarray(values, dtype=np.float32)


def _check_resize(resize: Resize, height: int, width: int) -> None:
    if resize.mode != "shortest-edge":
        return
    if resize.shortest_edge is None or resize.shortest_edge < max(height, width):
        raise RefusedError(
            Reason.INVALID_SPEC,
            f"spec.model.preprocessing.resize.shortestEdge is {resize.shortest_edge}; with mode "
            f"shortest-edge it must be {max(height, width)} or more, so that the input's "
            f"{height} x {width} pixels can be cut out.",
        )


def _check_pixels(image: Image.Image, path: Path) -> None:
    if image.width * image.height > MAX_PIXELS:
        raise _too_large(path)


def _too_large(path: Path) -> RefusedError:
    return RefusedError(
        Reason.DATASET_INVALID,
        f"{path.name} has more than {MAX_PIXELS // 1_000_000} million pixels; make it smaller.",
    )


def _resized(image: Image.Image, width: int, height: int, resize: Resize) -> Image.Image:
    resample = _FILTERS[resize.interpolation]
    if resize.mode == "stretch":
        return image.resize((width, height), resample)
    if resize.mode == "shortest-edge":
        return _cropped(image, (width, height), resize.shortest_edge or 0, resample)
    return _letterboxed(image, (width, height), resample)


def _cropped(image: Image.Image, size: tuple[int, int], edge: int, resample: Any) -> Image.Image:
    factor = edge / min(image.size)
    scaled = image.resize((round(image.width * factor), round(image.height * factor)), resample)
    left, top = (scaled.width - size[0]) // 2, (scaled.height - size[1]) // 2
    return scaled.crop((left, top, left + size[0], top + size[1]))


def _letterboxed(image: Image.Image, size: tuple[int, int], resample: Any) -> Image.Image:
    factor = min(size[0] / image.width, size[1] / image.height)
    fitted = (max(1, round(image.width * factor)), max(1, round(image.height * factor)))
    canvas = Image.new(image.mode, size)
    scaled = image.resize(fitted, resample)
    canvas.paste(scaled, ((size[0] - fitted[0]) // 2, (size[1] - fitted[1]) // 2))
    return canvas
