"""Did a quantizer do anything? Some return the graph as it was, and say nothing."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from trifocal.api.techniques import Precision
from trifocal.optimizer.importing import load_model

_OPERATORS: Mapping[Precision, frozenset[str]] = {
    "int8": frozenset({"QuantizeLinear"}),
    "int8-qat": frozenset({"QuantizeLinear"}),
    "int16": frozenset({"QuantizeLinear"}),
    "int8-dynamic": frozenset({"MatMulInteger", "DynamicQuantizeMatMul", "MatMulIntegerToFloat"}),
    "int8-weights": frozenset({"DequantizeLinear"}),
    "codebook8": frozenset({"Gather"}),
}
"""One of these executes the precision."""
_TYPES: Mapping[Precision, frozenset[str]] = {
    "fp16": frozenset({"FLOAT16"}),
    "codebook8": frozenset({"UINT8"}),
}
_EIGHT_BITS = frozenset({"INT8", "UINT8"})
"""What weights are stored in, where _TYPES says nothing else."""


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What a file is made of."""

    size: int
    """Bytes."""
    operators: Mapping[str, int]
    """How often each operator type stands in the main graph."""
    weights: Mapping[str, int]
    """Values stored in each ONNX element type, such as FLOAT and INT8."""


def facts_of(path: Path) -> Facts:
    """Read a file."""
    import onnx  # noqa: PLC0415 - heavy

    graph = load_model(path).graph
    constants = [
        attribute.t
        for node in graph.node
        if node.op_type == "Constant"
        for attribute in node.attribute
        if attribute.HasField("t")
    ]
    weights: Counter[str] = Counter()
    for tensor in (*graph.initializer, *constants):
        count = 1
        for dimension in tensor.dims:
            count *= dimension
        weights[onnx.TensorProto.DataType.Name(tensor.data_type)] += count
    return Facts(
        size=path.stat().st_size,
        operators=Counter(node.op_type for node in graph.node),
        weights=weights,
    )


def no_effect(
    precision: Precision, before: Facts, after: Facts, *, same_answers: bool
) -> str | None:
    """A sentence if the quantizer did nothing of worth; None if it did.

    `same_answers`: on real images, bit for bit.
    """
    types = _TYPES.get(precision, _EIGHT_BITS)
    operators = _OPERATORS.get(precision, frozenset())
    stored = sum(after.weights.get(name, 0) - before.weights.get(name, 0) for name in types)
    if stored <= 0:
        return f"the quantizer did nothing: no weight is stored as {_either(types)}"
    if operators and not any(
        after.operators.get(name, 0) > before.operators.get(name, 0) for name in operators
    ):
        return f"the quantizer did nothing: the graph has no new {_either(operators)}"
    # On CPU float16 weights are widened, so that answers may well be the same.
    if precision != "fp16" and same_answers and after.size >= before.size:
        return (
            f"the quantizer did nothing of worth: {after.size} bytes instead of {before.size}, "
            "and every answer is the same"
        )
    return None


def _either(names: frozenset[str]) -> str:
    return " or ".join(sorted(names))
