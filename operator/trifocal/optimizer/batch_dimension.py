"""Opens a graph's fixed batch dimension, and proves by running that nothing else changed.

Triton batches by stacking requests; a graph that takes exactly one image cannot be batched. Many
exporters fix the batch only in the declared shapes. Where a fixed size also hides in a constant
(a Reshape to [1, 512]) opening it would give wrong answers, so the answers are compared.
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trifocal.api.condition import Reason
from trifocal.artifacts.failure import RefusedError
from trifocal.optimizer.importing import ImportedModel, load_model
from trifocal.optimizer.runtimes.backend import ModelRunError
from trifocal.optimizer.runtimes.onnx_session import OnnxRunner

PROBES = 3
"""Images in the proof: more than the fixed size, and odd."""
RELATIVE_TOLERANCE = 1e-4
"""Of the largest score: sums in another order differ in float32's last bits."""


def with_open_batch(model: ImportedModel, max_batch: int, target: Path) -> ImportedModel:
    """The model itself if it takes batches up to `max_batch`, else an equal one that does.

    Raises:
        RefusedError: ModelInvalid, when the batch is fixed and cannot be opened.
    """
    if model.fixed_batch is None or (model.fixed_batch, max_batch) == (1, 1):
        return model
    _write_open(model, target)
    opened = ImportedModel(
        path=target,
        input=model.input,
        input_shape=model.input_shape,
        output=model.output,
        fixed_batch=None,
    )
    if not _equal_answers(model, opened):
        raise RefusedError(
            Reason.MODEL_INVALID,
            f"The model takes batches of exactly {model.fixed_batch}, and its graph depends on "
            f"it; export it with a dynamic batch dimension"
            + (", or set maxBatchSize to 1." if model.fixed_batch == 1 else "."),
        )
    return opened


def _write_open(model: ImportedModel, target: Path) -> None:
    import onnx  # noqa: PLC0415 - heavy

    graph = load_model(model.path)
    del graph.graph.value_info[:]
    for value in (*graph.graph.input, *graph.graph.output):
        dimensions = value.type.tensor_type.shape.dim
        if dimensions and dimensions[0].dim_value == model.fixed_batch:
            dimensions[0].dim_param = "batch"
    onnx.save_model(graph, target)


def _equal_answers(model: ImportedModel, opened: ImportedModel) -> bool:
    fixed = model.fixed_batch or 1
    images = (
        np.random.default_rng(0)
        .uniform(-1, 1, (PROBES * fixed, *model.input_shape))
        .astype(np.float32)
    )
    try:
        before = OnnxRunner(model.path, model.output, threads=1)
        expected = np.concatenate(
            [before.run(images[i : i + fixed]) for i in range(0, len(images), fixed)]
        )
        got = OnnxRunner(opened.path, opened.output, threads=1).run(images)
    except ModelRunError:
        return False
    return _close(expected, got)


def _close(expected: NDArray[Any], got: NDArray[Any]) -> bool:
    if expected.shape != got.shape:
        return False
    tolerance = RELATIVE_TOLERANCE * max(float(np.abs(expected).max()), 1e-6)
    return bool(np.allclose(expected, got, rtol=0, atol=tolerance))
