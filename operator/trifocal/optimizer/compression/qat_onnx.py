"""Networks trained with rounded values, as ONNX files whose integers a runtime computes with."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch.fx import GraphModule

from trifocal.optimizer.compression.qat_graph import exportable
from trifocal.optimizer.importing import ImportedModel
from trifocal.optimizer.runtimes.backend import BuildError

_ROUNDING = frozenset({"QuantizeLinear", "DequantizeLinear"})
_SHIFT = 128
"""From the range of int8 to that of uint8."""


def write_onnx(graph: GraphModule, model: ImportedModel, path: Path, *, unsigned: bool) -> None:
    """Export a converted graph: any batch, int8 weights, the names of the model it came from.

    `unsigned` writes activations as uint8 in place of int8. No value changes, since zero moves
    along; but ONNX Runtime's fast kernels on x86 multiply unsigned activations by signed weights.
    TensorRT reads signed ones only.

    Raises:
        BuildError: PyTorch cannot export an operator.
    """
    example = torch.zeros(2, *model.input_shape)
    try:
        program = torch.onnx.export(
            exportable(graph),
            (example,),
            dynamo=True,
            dynamic_shapes=({0: torch.export.Dim("batch", min=1, max=4096)},),
            input_names=[model.input],
            output_names=[model.output],
            external_data=False,
            verbose=False,
        )
    except Exception as error:  # torch.onnx lets through whatever its own passes raise
        text = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        raise BuildError(
            f"PyTorch cannot export the trained network to ONNX: {text}. Leave int8-qat out of "
            f"spec.optimization.precisions."
        ) from error
    written = program.model_proto
    _strip(written)
    if unsigned:
        make_unsigned(written)
    onnx.checker.check_model(written, full_check=True)
    onnx.save_model(written, path)


def _strip(model: Any) -> None:
    """Remove what describes the export: stack traces are most of a small network's file."""
    del model.graph.value_info[:]
    del model.graph.metadata_props[:]
    del model.metadata_props[:]
    for part in (
        *model.graph.node,
        *model.graph.initializer,
        *model.graph.input,
        *model.graph.output,
    ):
        part.doc_string = ""
        del part.metadata_props[:]


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
