"""Joins a product and the constant that is added to it into one node, as layers have it."""

from collections import Counter
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper

from trifocal.optimizer.torch_graph.frozen import Array, FrozenGraph

_PRODUCTS = frozenset({"MatMul", "Conv", "ConvTranspose"})


def join_biases(graph: FrozenGraph) -> FrozenGraph:
    """The same graph; MatMul and Add become Gemm, Conv and Add become Conv with a bias."""
    model = onnx.ModelProto()
    model.CopyFrom(graph.model)
    nodes = list(model.graph.node)
    uses = Counter(name for node in nodes for name in node.input)
    uses[graph.output] += 1
    makers = {name: node for node in nodes for name in node.output}
    constants = dict(graph.constants)
    joined: set[int] = set()
    for node in nodes:
        product, bias = _summands(node, makers, constants)
        if product is None or uses[product.output[0]] != 1:
            continue
        vector = _bias(product, bias, constants)
        if vector is None:
            continue
        name = f"{node.output[0]}__bias"
        constants[name] = vector
        model.graph.initializer.append(numpy_helper.from_array(vector, name))
        product.input.append(name)
        product.output[0] = node.output[0]
        if product.op_type == "MatMul":
            product.op_type = "Gemm"
        joined.add(id(node))
    kept = [node for node in nodes if id(node) not in joined]
    del model.graph.node[:]
    model.graph.node.extend(kept)
    return FrozenGraph(**{**vars(graph), "model": model, "constants": constants})


def _summands(node: Any, makers: dict[str, Any], constants: dict[str, Array]) -> tuple[Any, str]:
    """The product and the name of the constant, when this is their sum."""
    if node.op_type != "Add":
        return None, ""
    for left, right in (tuple(node.input), tuple(node.input)[::-1]):
        product = makers.get(left)
        if product is not None and product.op_type in _PRODUCTS and right in constants:
            return product, right
    return None, ""


def _bias(product: Any, name: str, constants: dict[str, Array]) -> Array | None:
    """One value for each output, when the constant is that and nothing else."""
    value, weight = constants[name], constants.get(product.input[1])
    if weight is None or len(product.input) != 2:  # noqa: PLR2004 - it has a bias already
        return None
    if product.op_type == "MatMul":
        outputs, axis = weight.shape[-1], -1
        fits = weight.ndim == 2  # noqa: PLR2004 - a matrix
    elif product.op_type == "Conv":
        outputs, axis, fits = weight.shape[0], 1 - weight.ndim, True
    else:
        group = next((it.i for it in product.attribute if it.name == "group"), 1)
        outputs, axis, fits = weight.shape[1] * group, 1 - weight.ndim, True
    if value.size == 1 or not fits:
        return np.full(outputs, value.reshape(())) if fits and value.size == 1 else None
    if value.size != outputs or value.ndim < -axis or value.shape[axis] != outputs:
        return None
    return np.ascontiguousarray(value.reshape(-1))
