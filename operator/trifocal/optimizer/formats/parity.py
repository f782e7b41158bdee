"""Does the ONNX file answer as its source did? Compared on real inputs. Pure."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trifocal.api.condition import Reason
from trifocal.api.task import Task
from trifocal.artifacts.failure import RefusedError

MAX_RELATIVE = 1e-3
"""Of the largest answer. Sums in another order give 1e-6 to 1e-5 in float32, also in deep networks;
a wrong layout, a missing layer or another epsilon gives 1e-2 and more."""


@dataclass(frozen=True, kw_only=True)
class Parity:
    """How far the ONNX file's answers are from the source's."""

    max_abs: float
    max_rel: float
    """`max_abs` by the largest absolute answer of the source; `max_abs` itself if all are zero."""
    label_agreement: float | None
    """Share of items with the same label: of images, or of pixels for a segmentation. None for a
    detector, whose boxes are compared as numbers only."""
    items: int
    """Images that were compared."""


def compared(
    source: NDArray[np.float32], onnx: NDArray[np.float32], task: Task, classes: int
) -> Parity:
    """Compare answers [items, ...].

    Raises:
        RefusedError: ModelInvalid: shapes differ, values are not finite, or too far apart.
    """
    if source.shape != onnx.shape:
        raise _refused(
            f"the source answers in the shape {list(source.shape)} and the ONNX file in "
            f"{list(onnx.shape)}"
        )
    if not np.isfinite(source).all():
        raise RefusedError(
            Reason.MODEL_INVALID,
            "The source model answers NaN or infinity for images of the dataset; check its weights "
            "and spec.model.preprocessing.",
        )
    max_abs = float(np.abs(source.astype(np.float64) - onnx).max(initial=0.0))
    largest = float(np.abs(source).max(initial=0.0))
    max_rel = max_abs / largest if largest else max_abs
    if not max_rel <= MAX_RELATIVE:
        raise _refused(
            f"its answers differ by {max_abs:.3g}, which is {max_rel:.1%} of the largest, and "
            f"{MAX_RELATIVE:.1%} is allowed"
        )
    return Parity(
        max_abs=max_abs,
        max_rel=max_rel,
        label_agreement=_label_agreement(source, onnx, task, classes),
        items=len(source),
    )


def _label_agreement(
    source: NDArray[np.float32], onnx: NDArray[np.float32], task: Task, classes: int
) -> float | None:
    if task == "detection" or source.ndim < 2 or not source.size:  # noqa: PLR2004 - a batch of scores
        return None
    # Keras puts the channels of a segmentation last.
    axis = 1 if source.shape[1] == classes else source.ndim - 1
    if 1 in {source.shape[1], source.shape[axis]}:
        # One score for the second of two classes: a probability, or a logit.
        limit = 0.5 if source.min() >= 0 and source.max() <= 1 else 0.0
        return float(((source > limit) == (onnx > limit)).mean())
    return float((source.argmax(axis=axis) == onnx.argmax(axis=axis)).mean())


def _refused(why: str) -> RefusedError:
    return RefusedError(
        Reason.MODEL_INVALID,
        f"The source model could be converted to ONNX, but {why}. Export it to ONNX with its own "
        f"framework, and name that file as the source.",
    )
