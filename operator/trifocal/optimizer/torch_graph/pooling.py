"""Names global average pooling in an ONNX graph. Pure.

PyTorch's exporter writes it as a mean, which quantizers do not know.
"""

from typing import Any

import onnx
from onnx import numpy_helper

_IMAGES = 4
"""Dimensions: batch, channels, height, width."""


def name_pooling(model: Any) -> Any:
    """The same model, in place; means over height and width become GlobalAveragePool."""
    graph = model.graph
    ranks = {
        it.name: len(it.type.tensor_type.shape.dim) for it in (*graph.value_info, *graph.input)
    }
    constants = {it.name: it for it in graph.initializer}
    nodes = []
    for node in graph.node:
        nodes.extend(_pooled(node) if _is_pooling(node, ranks, constants) else [node])
    del graph.node[:]
    graph.node.extend(nodes)
    read = {name for node in nodes for name in node.input}
    kept = [it for it in graph.initializer if it.name in read]
    del graph.initializer[:]
    graph.initializer.extend(kept)
    return model


def _is_pooling(node: Any, ranks: dict[str, int], constants: dict[str, Any]) -> bool:
    if node.op_type != "ReduceMean" or ranks.get(node.input[0]) != _IMAGES:
        return False
    if len(node.input) < 2 or node.input[1] not in constants:  # noqa: PLR2004 - axes are the second input
        return False
    axes = numpy_helper.to_array(constants[node.input[1]]).reshape(-1).tolist()
    return sorted(axis % _IMAGES for axis in axes) == [2, 3]


def _pooled(node: Any) -> list[Any]:
    keep = next((it.i for it in node.attribute if it.name == "keepdims"), 1)
    result = node.output[0]
    pooled = result if keep else f"{result}__pooled"
    nodes = [onnx.helper.make_node("GlobalAveragePool", [node.input[0]], [pooled], name=node.name)]
    if not keep:
        flat = onnx.helper.make_node("Flatten", [pooled], [result], name=f"{node.name}__flat")
        nodes.append(flat)
    return nodes
