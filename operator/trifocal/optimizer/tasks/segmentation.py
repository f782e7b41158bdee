"""Segmentation: scores of each class for each pixel; the answer is a mask of class indices."""

import warnings
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from trifocal.api.condition import Reason
from trifocal.api.model import ModelSpec
from trifocal.artifacts.failure import RefusedError
from trifocal.optimizer.dataset import Item, table_rows
from trifocal.optimizer.preprocessing import FORMATS, MAX_PIXELS
from trifocal.optimizer.tasks.placement import placement
from trifocal.optimizer.tasks.segmentation_tally import SegmentationTally

COLUMNS = ("file", "mask")
IGNORED = 255
"""In a true mask: a pixel that is not judged."""
NO_ANSWER = 255
"""In an answer: a pixel whose scores held NaN or infinity."""
_DIMENSIONS = 4
_SURE = 0.5
"""Of one channel of probabilities: the foreground begins here."""


@dataclass(frozen=True, kw_only=True)
class Mask:
    """Class indices [height, width] as uint8, compressed: a thousand of them fit in memory."""

    shape: tuple[int, int]
    data: bytes

    @classmethod
    def of(cls, pixels: NDArray[np.uint8]) -> "Mask":
        """Compress."""
        height, width = pixels.shape
        return cls(shape=(height, width), data=zlib.compress(pixels.tobytes(), 1))

    def pixels(self) -> NDArray[np.uint8]:
        """[height, width]."""
        return np.frombuffer(zlib.decompress(self.data), np.uint8).reshape(self.shape)


class Segmentation:
    """A model whose channels are `labels`; one channel is the probability of the second label.

    Masks are compared in the input's pixels: a true mask is resized and cropped as its image is,
    and what the image does not cover is not judged. Outputs smaller than the input are enlarged
    without mixing classes.
    """

    def __init__(self, model: ModelSpec) -> None:
        self._model = model
        self.labels = tuple(model.labels)

    def items(self, folder: Path) -> Sequence[Item]:
        """Rows of labels.csv; the truth is the path of a mask that has been looked at."""
        rows = table_rows(folder, COLUMNS)
        items = tuple(row.item(row.file("mask")) for row in rows)
        for item in items:
            _check_mask(item, len(self.labels))
        return items

    def check_answer(self, output: str, shape: Sequence[int]) -> None:
        """Expect [1, classes, height, width] or [1, height, width, classes]; 1 for two classes."""
        if len(shape) != _DIMENSIONS or self._channel_axis(shape) is None:
            raise RefusedError(
                Reason.LABELS_MISMATCH,
                f"Output '{output}' has the shape {list(shape)} for one image; a segmentation with "
                f"{len(self.labels)} labels has [1, {len(self.labels)}, height, width] or "
                f"[1, height, width, {len(self.labels)}], or one channel for two labels. Correct "
                f"spec.model.labels, or name another output.",
            )

    def decode(self, outputs: NDArray[Any], paths: Sequence[Path]) -> Sequence[Mask]:
        """The best class of each pixel, in the input's size."""
        del paths  # masks are compared in the input
        axis = self._channel_axis(outputs.shape)
        if axis is None:
            raise ValueError(f"shape {outputs.shape} was not checked")
        scores = np.moveaxis(outputs, axis, 1)
        if scores.shape[1] == 1:
            best = (scores[:, 0] > _SURE).astype(np.uint8)
        else:
            best = scores.argmax(axis=1).astype(np.uint8)
        best[~np.isfinite(scores).all(axis=1)] = NO_ANSWER
        return [Mask.of(_enlarged(mask, self._model.image_size)) for mask in best]

    def agreement(self, one: Mask, other: Mask) -> float:
        """Mean IoU of the two masks over the classes that either has."""
        matrix = _confusion(one.pixels(), other.pixels())
        union = (matrix.sum(axis=0) + matrix.sum(axis=1) - matrix.diagonal())[:NO_ANSWER]
        right = matrix.diagonal()[:NO_ANSWER]
        return float((right[union > 0] / union[union > 0]).mean()) if union.any() else 0.0

    def tally(self, answers: Sequence[Mask], items: Sequence[Item]) -> SegmentationTally:
        """Pixels by class, one item after the other."""
        classes = len(self.labels)
        rows = [
            self._item_counts(answer, item) for answer, item in zip(answers, items, strict=True)
        ]
        right, true, answered = (
            np.array([row[part] for row in rows], dtype=np.int64).reshape(-1, classes)
            for part in range(3)
        )
        return SegmentationTally(right=right, true=true, answered=answered)

    def _item_counts(self, answer: Mask, item: Item) -> tuple[NDArray[np.int64], ...]:
        with open_mask(item.truth) as mask:
            truth = placement(mask.size, self._model).mask_in_input(mask, IGNORED)
        judged = _confusion(truth, answer.pixels())[:IGNORED]
        counts = judged.diagonal(), judged.sum(axis=1), judged.sum(axis=0)
        return tuple(count[: len(self.labels)] for count in counts)

    def _channel_axis(self, shape: Sequence[int]) -> int | None:
        """1 or 3; where both would do, the one of the input's layout."""
        channels = {len(self.labels)} | ({1} if len(self.labels) == 2 else set())  # noqa: PLR2004
        axes = (1, 3) if self._model.preprocessing.layout == "NCHW" else (3, 1)
        return next((axis for axis in axes if shape[axis] in channels), None)


@contextmanager
def open_mask(path: Path) -> Iterator[Image.Image]:
    """A file of class indices: a PNG of one channel, grey or with a palette.

    Raises:
        RefusedError: DatasetInvalid.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            with Image.open(path, formats=("PNG",)) as image:
                if image.mode not in {"L", "P", "1"} or image.width * image.height > MAX_PIXELS:
                    raise _bad_mask(
                        path, f"has the mode {image.mode} and {image.width} x {image.height} pixels"
                    )
                image.load()
                # The palette is only how a mask is shown; its indices are the classes.
                yield Image.fromarray(np.asarray(image).astype(np.uint8))
        except UnidentifiedImageError as error:
            raise _bad_mask(path, "is no PNG") from error
        except (OSError, SyntaxError, Image.DecompressionBombError, UserWarning) as error:
            raise _bad_mask(path, f"is damaged ({error})") from error


def _bad_mask(path: Path, what: str) -> RefusedError:
    return RefusedError(
        Reason.DATASET_INVALID,
        f"The mask {path.name} {what}; save it as a PNG of one 8-bit channel of class indices, "
        f"with 255 for pixels that are not judged.",
    )


def _check_mask(item: Item, classes: int) -> None:
    with open_mask(item.truth) as mask, Image.open(item.path, formats=FORMATS) as image:
        if mask.size != image.size:
            raise RefusedError(
                Reason.DATASET_INVALID,
                f"The mask {item.truth.name} has {mask.width} x {mask.height} pixels and its image "
                f"{item.path.name} {image.width} x {image.height}; both must have the same size.",
            )
        found = np.unique(np.asarray(mask))
    unknown = found[(found >= classes) & (found != IGNORED)]
    if len(unknown):
        raise RefusedError(
            Reason.DATASET_INVALID,
            f"The mask {item.truth.name} holds the class {unknown[0]}, and spec.model.labels has "
            f"{classes} labels, 0 to {classes - 1}; 255 means that a pixel is not judged.",
        )


def _confusion(truth: NDArray[np.uint8], answer: NDArray[np.uint8]) -> NDArray[np.int64]:
    """[256, 256]: pixels by true class and answered class."""
    pairs = truth.astype(np.int64).ravel() * 256 + answer.ravel()
    return np.bincount(pairs, minlength=256 * 256).reshape(256, 256)


def _enlarged(mask: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    if mask.shape == size:
        return mask
    image = Image.fromarray(mask).resize((size[1], size[0]), Image.Resampling.NEAREST)
    return np.asarray(image, dtype=np.uint8)
