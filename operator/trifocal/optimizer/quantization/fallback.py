"""Which layers of a quantized graph lose most, so that they can stay in float.

The measure is the one that counts: how much nearer the model's answers come to the float model's
when that layer alone computes in float again. An error inside the graph that later layers forgive
does not count, and an early error is not charged to every layer behind it.
"""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trifocal.optimizer.importing import load_model
from trifocal.optimizer.quantization.prepared import prepare
from trifocal.optimizer.quantization.tail import WEIGHTED
from trifocal.optimizer.runtimes.onnx_session import answers

_LEAST_GAIN = 0.01
"""Share of the error that a layer must take away to be worth its float arithmetic."""


@dataclass(frozen=True, kw_only=True)
class Loss:
    """What quantizing one layer costs."""

    layer: str
    """Name of its node."""
    gain: float
    """Share of the answers' squared error that goes when the layer alone is float again."""


def worst_layers(
    float_model: Path,
    quantized_model: Path,
    tensors: Sequence[NDArray[np.float32]],
    count: int,
) -> tuple[str, ...]:
    """Names of at most `count` nodes, worst first, as `keep_float` takes them.

    `float_model`: what the other was built from. `tensors`: batches to compare answers on.

    Raises:
        BuildError, ModelRunError: One of the models cannot be prepared or run.
    """
    found = sorted(losses(float_model, quantized_model, tensors), key=lambda it: -it.gain)
    return tuple(it.layer for it in found[:count] if it.gain >= _LEAST_GAIN)


def losses(
    float_model: Path, quantized_model: Path, tensors: Sequence[NDArray[np.float32]]
) -> list[Loss]:
    """Of each quantized layer with weights, in the graph's order.

    Raises:
        BuildError, ModelRunError: As above.
    """
    with tempfile.TemporaryDirectory() as folder:
        prepared = Path(folder) / "prepared.onnx"
        prepare(float_model, prepared, tensors[0].shape[1:])
        plain = load_model(prepared)
    quantized = load_model(quantized_model)
    outputs = [value.name for value in plain.graph.output]
    expected = answers(plain.SerializeToString(), tensors, outputs)
    whole = _error(expected, answers(quantized.SerializeToString(), tensors, outputs))
    if not whole:
        return []
    originals = {node.name: node for node in plain.graph.node}
    constants = {tensor.name: tensor for tensor in plain.graph.initializer}
    found = []
    for node in quantized.graph.node:
        original = originals.get(node.name)
        if node.op_type not in WEIGHTED or original is None:
            continue
        freed = _freed(quantized, node.name, original, constants)
        if freed is not None:
            left = _error(expected, answers(freed, tensors, outputs))
            found.append(Loss(layer=node.name, gain=1 - left / whole))
    return found


def _freed(quantized: Any, name: str, original: Any, constants: Mapping[str, Any]) -> bytes | None:
    """The quantized model with float inputs and weights for one node; None if it has them."""
    import onnx  # noqa: PLC0415 - heavy

    model = onnx.ModelProto()
    model.CopyFrom(quantized)
    producers = {output: node for node in model.graph.node for output in node.output}
    known = {tensor.name for tensor in model.graph.initializer}
    node = next(it for it in model.graph.node if it.name == name)
    before = list(node.input)
    for position, own in enumerate(before):
        constant = constants.get(original.input[position])
        if constant is not None:
            weight = onnx.TensorProto()
            weight.CopyFrom(constant)
            weight.name = f"{constant.name}_float"
            if weight.name not in known:
                model.graph.initializer.append(weight)
                known.add(weight.name)
            node.input[position] = weight.name
        else:
            node.input[position] = _unquantized(own, producers)
    dequantized = any(
        name in producers and producers[name].op_type == "DequantizeLinear" for name in before
    )
    return bytes(model.SerializeToString()) if dequantized else None


def _unquantized(name: str, producers: Mapping[str, Any]) -> str:
    """What was quantized and dequantized to become this tensor; itself, if nothing was."""
    after = producers.get(name)
    if after is None or after.op_type != "DequantizeLinear":
        return name
    before = producers.get(after.input[0])
    if before is None or before.op_type != "QuantizeLinear":
        return name
    return str(before.input[0])


def _error(expected: list[list[NDArray[Any]]], got: list[list[NDArray[Any]]]) -> float:
    """Squared error of all outputs, each in units of its own largest answer."""
    total = 0.0
    for wanted, found in zip(zip(*expected, strict=True), zip(*got, strict=True), strict=True):
        unit = max(float(np.abs(it).max()) for it in wanted) or 1.0
        total += sum(
            float(np.square((a - b) / unit).sum()) for a, b in zip(wanted, found, strict=True)
        )
    return total
