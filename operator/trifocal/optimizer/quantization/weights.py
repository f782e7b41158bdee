"""Weights alone in 8 bits: the file shrinks to a quarter, arithmetic stays float32.

Two ways. int8-weights is linear, one scale for each output channel; ONNX Runtime executes it as
DequantizeLinear, each time anew. codebook8 is non-linear: 256 values chosen for each tensor, and a
scale for each output channel; ONNX Runtime executes it as Gather, which looks each index up in the
codebook, once while it loads the file. What either gives is size, not latency, and codebook8 takes
as much memory as float32 once it is loaded.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trifocal.optimizer.importing import load_model
from trifocal.optimizer.quantization import linear
from trifocal.optimizer.quantization.codebook import coded
from trifocal.optimizer.runtimes.backend import BuildError

MIN_VALUES = 1024
"""Of a weight: for fewer, a codebook of 1 KiB or the nodes' own bytes eat the gain."""


@dataclass(frozen=True, kw_only=True)
class Weight:
    """A float32 constant that an operator multiplies by."""

    name: str
    values: NDArray[np.float32]
    axis: int
    """Of output channels."""


@dataclass(frozen=True, kw_only=True)
class _Stored:
    tensors: dict[str, NDArray[Any]]
    """Initializers by name."""
    nodes: tuple[Any, ...]
    """That compute the weight from them, under the weight's own name."""


def linear_weights(prepared: Path, target: Path) -> int:
    """Write the graph with int8 weights and DequantizeLinear. How many tensors became int8.

    Raises:
        BuildError: No weight is large enough.
    """
    return _rewritten(prepared, target, _linear)


def codebook_weights(prepared: Path, target: Path) -> int:
    """Write the graph with uint8 indices and Gather. How many tensors became indices.

    Raises:
        BuildError: No weight is large enough.
    """
    return _rewritten(prepared, target, _codebook)


def weights(model: Any) -> Iterator[Weight]:
    """Of Conv, ConvTranspose, Gemm and MatMul in the main graph, each tensor once."""
    import onnx  # noqa: PLC0415 - heavy

    constants = {
        tensor.name: tensor
        for tensor in model.graph.initializer
        if tensor.data_type == onnx.TensorProto.FLOAT
    }
    for node in model.graph.node:
        axis = _output_axis(node)
        tensor = constants.pop(node.input[1], None) if axis is not None else None
        if tensor is None or axis is None:
            continue
        values = onnx.numpy_helper.to_array(tensor)
        # A MatMul's weight may have more dimensions than two; its last one counts outputs.
        yield Weight(name=tensor.name, values=values, axis=axis % max(values.ndim, 1))


def _output_axis(node: Any) -> int | None:
    if node.op_type == "Gemm":
        transposed = any(it.name == "transB" and it.i for it in node.attribute)
        return 0 if transposed else 1
    return {"Conv": 0, "ConvTranspose": 1, "MatMul": -1}.get(node.op_type)


def _rewritten(prepared: Path, target: Path, store: Callable[[Weight], _Stored]) -> int:
    import onnx  # noqa: PLC0415 - heavy

    model = load_model(prepared)
    found = [it for it in weights(model) if it.values.size >= MIN_VALUES]
    if not found:
        raise BuildError(
            f"no weight of a Conv, Gemm or MatMul has {MIN_VALUES} values or more, so there is "
            "nothing to make smaller; leave this precision out"
        )
    replaced = {weight.name for weight in found}
    kept = [tensor for tensor in model.graph.initializer if tensor.name not in replaced]
    nodes = list(model.graph.node)
    del model.graph.initializer[:], model.graph.node[:]
    # Up to IR version 3 each initializer was listed among the inputs as well.
    inputs = [value for value in model.graph.input if value.name not in replaced]
    del model.graph.input[:]
    model.graph.input.extend(inputs)
    model.graph.initializer.extend(kept)
    for weight in found:
        if not np.isfinite(weight.values).all():
            raise BuildError(
                f"weight '{weight.name}' holds values that are not finite; export the model again"
            )
        stored = store(weight)
        model.graph.initializer.extend(
            onnx.numpy_helper.from_array(values, name) for name, values in stored.tensors.items()
        )
        model.graph.node.extend(stored.nodes)
    model.graph.node.extend(nodes)
    onnx.save_model(model, target)
    return len(found)


def _linear(weight: Weight) -> _Stored:
    from onnx import helper  # noqa: PLC0415 - heavy

    by = linear.fitted(weight.values, np.int8, symmetric=True, axis=weight.axis)
    integers, scale = f"{weight.name}_int8", f"{weight.name}_scale"
    return _Stored(
        tensors={integers: linear.quantize(weight.values, by), scale: by.scale},
        nodes=(
            helper.make_node(
                "DequantizeLinear",
                [integers, scale],
                [weight.name],
                name=f"dequantize:{weight.name}",
                axis=weight.axis,
            ),
        ),
    )


def _codebook(weight: Weight) -> _Stored:
    """Gather takes no uint8 indices, so a Cast stands before it."""
    from onnx import TensorProto, helper  # noqa: PLC0415 - heavy

    found = coded(weight.values, weight.axis)
    names = [f"{weight.name}_{part}" for part in ("codebook", "indices", "scale", "wide", "steps")]
    book, indices, scale, wide, steps = names
    return _Stored(
        tensors={book: found.entries, indices: found.indices, scale: found.scale},
        nodes=(
            helper.make_node(
                "Cast", [indices], [wide], name=f"widen:{weight.name}", to=TensorProto.INT32
            ),
            helper.make_node("Gather", [book, wide], [steps], name=f"look-up:{weight.name}"),
            helper.make_node("Mul", [steps, scale], [weight.name], name=f"scale:{weight.name}"),
        ),
    )
