"""Which quantization in a graph TensorRT cannot take: it wants signed int8 with zero points of 0.

Asymmetric zero points and quantized biases are rejected by its parser, each with a sentence about
its own source code. Unsigned activations it imports as signed with a warning: values above 127
are clipped, and the engine answers wrongly. So all of it is refused before the parser sees it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from trifocal.optimizer.operators import graphs

_QUANTIZING = frozenset({"QuantizeLinear", "DequantizeLinear"})
_DEFAULT_TYPE = 2
"""TensorProto.UINT8: what the standard makes of a QuantizeLinear that says nothing."""
_NAMED = 3
"""Nodes that a sentence names."""


@dataclass(frozen=True, kw_only=True)
class Refused:
    """A node that quantizes as TensorRT does not."""

    node: str
    why: str
    """Such as "uint8" or "zero point 114"."""


def why_quantization_is_refused(model: Any) -> str | None:
    """A sentence that names nodes and the recipe that is accepted; None if all is well."""
    refused = list(refused_quantization(model))
    if not refused:
        return None
    named = ", ".join(f"'{it.node}' ({it.why})" for it in refused[:_NAMED])
    more = f" and {len(refused) - _NAMED} more" if len(refused) > _NAMED else ""
    return (
        f"TensorRT takes signed int8 with zero points of 0 and biases in float, but the model is "
        f"quantized otherwise at {named}{more}; give the source before quantization, of which the "
        "precision int8 makes what TensorRT takes"
    )


def refused_quantization(model: Any) -> Iterator[Refused]:
    """Every such node of a parsed ONNX model."""
    import onnx  # noqa: PLC0415 - heavy

    for graph in graphs(model):
        constants = _constants(graph)
        for node in graph.node:
            if node.op_type in _QUANTIZING and (why := _why(node, constants, onnx)):
                yield Refused(node=node.name or node.output[0], why=why)


def _why(node: Any, constants: dict[str, Any], onnx: Any) -> str | None:
    """None for a node that is accepted, or whose zero point only the parser can judge."""
    zero_point = constants.get(node.input[2]) if len(node.input) > 2 else None  # noqa: PLR2004 - x, scale, zero point
    kind = _kind(node, zero_point, constants)
    types = onnx.TensorProto.DataType
    if kind is None:
        return None
    if kind not in {types.INT8, types.INT4, types.FLOAT8E4M3FN}:
        return str(types.Name(kind)).lower()
    if zero_point is None or kind != types.INT8:
        return None
    values = onnx.numpy_helper.to_array(zero_point)
    other = values[values != 0]
    return f"zero point {other.flat[0]}" if other.size else None


def _kind(node: Any, zero_point: Any, constants: dict[str, Any]) -> int | None:
    """ONNX element type of the quantized side, as far as this node and constants tell."""
    if zero_point is not None:
        return int(zero_point.data_type)
    if node.op_type == "DequantizeLinear":
        weights = constants.get(node.input[0])
        return None if weights is None else int(weights.data_type)
    if len(node.input) > 2 and node.input[2]:  # noqa: PLR2004 - as above
        return None
    asked = (a.i for a in node.attribute if a.name == "output_dtype" and a.i)
    return int(next(asked, _DEFAULT_TYPE))


def _constants(graph: Any) -> dict[str, Any]:
    found = {tensor.name: tensor for tensor in getattr(graph, "initializer", ())}
    for node in graph.node:
        if node.op_type == "Constant":
            found.update((node.output[0], a.t) for a in node.attribute if a.name == "value")
    return found
