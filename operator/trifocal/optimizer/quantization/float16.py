"""fp16: half-precision weights and arithmetic; inputs and outputs stay float32."""

import re
from collections import Counter
from pathlib import Path
from typing import Any

from trifocal.optimizer.importing import load_model
from trifocal.optimizer.quantization.prepared import prepare
from trifocal.optimizer.quantization.quiet import quiet
from trifocal.optimizer.runtimes.backend import BuildError, ModelRunError
from trifocal.optimizer.runtimes.onnx_session import session, translated

_MOST_RETRIES = 6
"""Operators that are taken out one after the other: a graph that mistypes more is hopeless."""
_CULPRIT = re.compile(r"Optype \((\w+)\)|of node \(([^)]+)\)")
"""In ONNX Runtime's complaint about a type: the operator's type, or the node's name."""


def float16(source: Path, target: Path) -> tuple[str, ...]:
    """Convert, load once to prove that types fit, and write. Sentences on what stayed in float32.

    Constants are folded in float32 first: a variance of BatchNorm, or a factor that another one
    undoes, may be too small for float16, and text detection then answers wrongly. The types stand
    in the file itself, as strongly typed runtimes want them. An operator that the result mistypes
    is left in float32, and the conversion is tried again.

    Raises:
        BuildError: No weight became float16, or no conversion loads.
    """
    import onnx  # noqa: PLC0415 - heavy
    from onnxruntime.transformers.float16 import (  # noqa: PLC0415 - heavy
        DEFAULT_OP_BLOCK_LIST,
    )

    types: set[str] = set(DEFAULT_OP_BLOCK_LIST)
    nodes: set[str] = set()
    folded = target.with_suffix(".folded.onnx")
    prepare(source, folded, opset=0)
    model = load_model(folded)
    folded.unlink()
    for _attempt in range(_MOST_RETRIES):
        converted = _converted(model, types, nodes)
        complaint = _complaint(converted)
        if complaint is None:
            if not has_half_weights(converted):
                raise BuildError("no weight became float16; leave fp16 out of precisions")
            onnx.save_model(converted, target)
            return _notes(model, types, nodes)
        blocked = _CULPRIT.search(complaint)
        known = types | nodes
        types |= {blocked[1]} if blocked and blocked[1] else set()
        nodes |= {blocked[2]} if blocked and blocked[2] else set()
        if types | nodes == known:
            break
    raise BuildError(
        f"no conversion to float16 fits the graph's types ({complaint}); leave fp16 out of "
        "precisions"
    )


def has_half_weights(model: Any) -> bool:
    """Whether a weight or a constant is float16."""
    import onnx  # noqa: PLC0415 - heavy

    half = onnx.TensorProto.FLOAT16
    constants = (
        attribute.t
        for node in model.graph.node
        if node.op_type == "Constant"
        for attribute in node.attribute
    )
    return any(t.data_type == half for t in (*model.graph.initializer, *constants))


def _converted(model: Any, types: set[str], nodes: set[str]) -> Any:
    import onnx  # noqa: PLC0415 - heavy
    from onnxruntime.transformers.float16 import (  # noqa: PLC0415 - heavy
        convert_float_to_float16,
    )

    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    with quiet():
        return convert_float_to_float16(
            copy, keep_io_types=True, op_block_list=sorted(types), node_block_list=sorted(nodes)
        )


def _complaint(model: Any) -> str | None:
    try:
        with translated():
            session(model.SerializeToString(), threads=1)
    except ModelRunError as error:
        return str(error)
    return None


def _notes(model: Any, types: set[str], nodes: set[str]) -> tuple[str, ...]:
    kept = Counter(
        node.op_type for node in model.graph.node if node.op_type in types or node.name in nodes
    )
    if not kept:
        return ()
    named = ", ".join(f"{count} {op_type}" for op_type, count in sorted(kept.items()))
    return (f"operators that stay in float32: {named}.",)
