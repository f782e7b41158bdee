"""What is kept of each item, so that any metric can be computed on any part of the data. Pure.

A gate looks at the whole, at slices, at classes, and at thousands of reshuffled samples of them. So
not metrics are kept but, for each item, the counts that a metric is made of; a part of the data is
a weight for each item.
"""

import base64
import zlib
from collections.abc import Mapping
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

Weights = NDArray[np.float64]
"""[items]: how often each item counts; 0 leaves it out."""

MAX_ARRAY_BYTES = 512 << 20
"""Of one array out of JSON, which was written elsewhere; a million boxes have 10 MB."""


class Tally(Protocol):
    """One model's results on labelled items."""

    @property
    def kind(self) -> str:
        """The task's name."""

    @property
    def items(self) -> int:
        """Labelled items."""

    @property
    def metrics(self) -> tuple[str, ...]:
        """The gate's names of what can be measured."""

    def measure(
        self, metric: str, weights: Weights | None = None, label: int | None = None
    ) -> float:
        """A metric from 0 to 1, of all classes or of one; NaN where there is nothing to judge."""

    def shows(self, label: int) -> NDArray[np.bool_]:
        """[items]: whether the class is in the item's truth."""

    def hits(self, metric: str) -> NDArray[np.bool_] | None:
        """[items]: right or wrong, where the metric is the share of right items; else None."""

    def joined(self, other: Self) -> Self:
        """Both, one after the other, as if they were twice as many items."""

    def arrays(self) -> Mapping[str, NDArray[Any]]:
        """Everything it consists of."""


def packed(tally: Tally) -> dict[str, Any]:
    """As JSON."""
    return {
        "kind": tally.kind,
        "arrays": {name: _packed(array) for name, array in tally.arrays().items()},
    }


def unpacked(body: Mapping[str, Any]) -> Tally:
    """From `packed`.

    Raises:
        KeyError, ValueError: It is not the JSON of a tally.
    """
    from trifocal.optimizer.tasks.classification_tally import (  # noqa: PLC0415 - they import this
        ClassificationTally,
    )
    from trifocal.optimizer.tasks.detection_tally import (  # noqa: PLC0415 - as above
        DetectionTally,
    )
    from trifocal.optimizer.tasks.segmentation_tally import (  # noqa: PLC0415 - as above
        SegmentationTally,
    )

    kinds = {
        tally.kind: tally for tally in (ClassificationTally, DetectionTally, SegmentationTally)
    }
    arrays = {name: _unpacked(array) for name, array in body["arrays"].items()}
    return kinds[body["kind"]](**arrays)


def all_items(items: int, weights: Weights | None) -> Weights:
    """The weights, or 1 for each item."""
    return np.ones(items) if weights is None else weights


def _packed(array: NDArray[Any]) -> dict[str, Any]:
    data = zlib.compress(np.ascontiguousarray(array).tobytes(), 1)
    return {
        "dtype": array.dtype.str,
        "shape": list(array.shape),
        "data": base64.b64encode(data).decode(),
    }


def _unpacked(body: Mapping[str, Any]) -> NDArray[Any]:
    data = zlib.decompressobj().decompress(base64.b64decode(body["data"]), MAX_ARRAY_BYTES)
    return np.frombuffer(data, dtype=np.dtype(body["dtype"])).reshape(body["shape"])
