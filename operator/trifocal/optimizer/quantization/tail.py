"""What follows the last layers with weights: decoding, softmax. It stays in float.

It costs next to nothing, and 8 bits hurt most there: a detector's last Concat would give boxes of
0 to 320 pixels and scores of 0 to 1 one scale, whose step is larger than any score; and answers
would end at the largest value of the calibration images.
"""

import math
from typing import Any

WEIGHTED = frozenset({"Conv", "ConvTranspose", "Gemm", "MatMul"})
_NEXT_TO_NONE = 1e-4
"""Share of all of a model's weights."""
_FLOAT_RESULT = frozenset({"Gemm", "MatMul"})
"""ONNX Runtime multiplies integers and gives floats; its integer convolution gives integers."""


def tail(model: Any) -> tuple[str, ...]:
    """Names of the nodes from which no node with weights is reached, without those themselves.

    Weights of which there are next to none do not count: in a detector's tail stands a Conv that
    takes the mean of 16 bins.
    """
    sizes = {it.name: math.prod(it.dims) for it in model.graph.initializer}
    least = sum(sizes.values()) * _NEXT_TO_NONE
    feeding: set[str] = set()
    """Tensors that reach weights."""
    found = []
    for node in reversed(model.graph.node):  # ONNX lists nodes before those that use them
        size = max((sizes.get(name, least) for name in node.input[1:2]), default=0)
        weighted = node.op_type in WEIGHTED and size >= least
        if weighted or any(name in feeding for name in node.output):
            feeding.update(node.input)
        else:
            found.append(node.name)
    return tuple(reversed(found))


def free_results(model: Any, after: frozenset[str]) -> None:
    """Remove Q and DQ between a product and what is in float: the nodes `after`, and the answers.

    Changes the model.
    """
    nodes = list(model.graph.node)
    producers = {output: node for node in nodes for output in node.output}
    answers = {value.name for value in model.graph.output}
    gone: list[Any] = []
    for last in nodes:
        if last.op_type != "DequantizeLinear":
            continue
        middle = producers.get(last.input[0])
        product = None if middle is None else producers.get(middle.input[0])
        if middle is None or product is None or product.op_type not in _FLOAT_RESULT:
            continue
        users = [node for node in nodes if last.output[0] in node.input]
        others = [node for node in nodes if {middle.input[0], middle.output[0]} & set(node.input)]
        alone = others == [middle, last] and middle.input[0] not in answers
        if alone and all(node.name in after for node in users):
            product.output[0] = last.output[0]
            gone += [middle, last]
    for node in gone:
        model.graph.node.remove(node)
