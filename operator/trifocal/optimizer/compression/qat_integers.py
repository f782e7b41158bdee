"""Integers in ONNX graphs: their sign, and how much of a file they are. Pure."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper

_ROUNDING = frozenset({"QuantizeLinear", "DequantizeLinear"})
_SHIFT = 128
"""From the range of int8 to that of uint8."""


def make_unsigned(model: Any) -> None:
    """Turn int8 activations into uint8 ones of equal value; weights stay int8."""
    weights = {tensor.name: tensor for tensor in model.graph.initializer}
    zeros: dict[str, str] = {}
    for node in model.graph.node:
        if node.op_type not in _ROUNDING or node.input[0] in weights:
            continue
        old = node.input[2]
        if old not in zeros:
            zero = numpy_helper.to_array(weights[old])
            if zero.dtype != np.int8:
                continue
            shifted = (zero.astype(np.int16) + _SHIFT).astype(np.uint8)
            zeros[old] = f"{old}_unsigned"
            model.graph.initializer.append(numpy_helper.from_array(shifted, zeros[old]))
        node.input[2] = zeros[old]
    _drop_unused(model)


def _drop_unused(model: Any) -> None:
    used = {name for node in model.graph.node for name in node.input}
    kept = [tensor for tensor in model.graph.initializer if tensor.name in used]
    del model.graph.initializer[:]
    model.graph.initializer.extend(kept)


def integers(path: Path) -> dict[str, Any]:
    """What an ONNX file really holds: nodes that round, and bytes of weights by type."""
    model = onnx.load_model(path)
    nodes = Counter(node.op_type for node in model.graph.node)
    sizes: Counter[str] = Counter()
    per_channel = 0
    weights = {tensor.name: tensor for tensor in model.graph.initializer}
    for tensor in weights.values():
        array = numpy_helper.to_array(tensor)
        sizes[str(array.dtype)] += array.nbytes
    for node in model.graph.node:
        if node.op_type == "DequantizeLinear" and node.input[0] in weights:
            per_channel += list(weights[node.input[1]].dims) != []
    return {
        "quantizeNodes": nodes["QuantizeLinear"],
        "dequantizeNodes": nodes["DequantizeLinear"],
        "perChannelWeights": per_channel,
        "weightBytes": dict(sizes),
    }
