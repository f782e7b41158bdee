"""A graph made ready for a quantizer: shapes inferred, BatchNorm fused, constants as weights."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from trifocal.optimizer.importing import load_model
from trifocal.optimizer.quantization.quiet import quiet
from trifocal.optimizer.runtimes.backend import BuildError

PER_CHANNEL_OPSET = 13
"""First opset whose QuantizeLinear takes one scale for each channel."""
SIXTEEN_BIT_OPSET = 21
"""First opset whose QuantizeLinear takes 16-bit types."""


def prepare(
    source: Path, target: Path, shape: Sequence[int] | None = None, opset: int = PER_CHANNEL_OPSET
) -> None:
    """Write `source` with at least this opset, fused so that Conv and BatchNorm count as one.

    `shape`: what the input is without the batch; dimensions that the graph leaves open are set to
    it, because a tensor of unknown shape cannot be quantized.
    Every node has a name afterwards, and the same source always gives the same names: layers are
    named by one build and excluded by the next.

    Raises:
        BuildError: The graph cannot be converted or loaded.
    """
    import onnx  # noqa: PLC0415 - heavy

    model = _with_opset(load_model(source), opset)
    _set_shape(model, shape)
    plain = target.with_suffix(".plain.onnx")
    onnx.save_model(model, plain)
    _infer_and_fuse(plain, target)
    plain.unlink()
    prepared = load_model(target)
    for node in prepared.graph.node:
        node.name = node.name or f"{node.op_type}:{node.output[0]}"
    onnx.save_model(prepared, target)


def opset_of(model: Any) -> int:
    """Version of the standard operators; 0 where the model uses none."""
    return next((o.version for o in model.opset_import if o.domain in {"", "ai.onnx"}), 0)


def _infer_and_fuse(plain: Path, target: Path) -> None:
    from onnxruntime.quantization.shape_inference import (  # noqa: PLC0415 - heavy
        quant_pre_process,
    )

    try:
        with quiet():
            # Symbolic inference finds no more once the shape is set, fails on odd graphs, and
            # imports sympy and, where there is one, torch: 8 seconds.
            quant_pre_process(plain, target, skip_symbolic_shape=True)
    except Exception as error:
        raise BuildError(
            f"ONNX Runtime cannot infer the graph's shapes ({_line(error)}); export the "
            "model again with fixed height and width"
        ) from error


def _set_shape(model: Any, shape: Sequence[int] | None) -> None:
    weights = {tensor.name for tensor in model.graph.initializer}
    inputs = [value for value in model.graph.input if value.name not in weights]
    if shape is None or not inputs:
        return
    opened = [d for d in inputs[0].type.tensor_type.shape.dim[1:] if not d.dim_value]
    for dimension, size in zip(inputs[0].type.tensor_type.shape.dim[1:], shape, strict=True):
        dimension.dim_value = size
    if opened:
        # Written down for open dimensions; inference writes them anew.
        del model.graph.value_info[:]


def _line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]


def _with_opset(model: Any, opset: int) -> Any:
    from onnx import version_converter  # noqa: PLC0415 - heavy

    version = opset_of(model)
    if version >= opset:
        return model
    try:
        return version_converter.convert_version(model, opset)
    except Exception as error:
        raise BuildError(
            f"the model has opset {version}, this precision needs {opset}, and the conversion "
            f"fails ({_line(error)}); export the model with opset {opset} or newer"
        ) from error
