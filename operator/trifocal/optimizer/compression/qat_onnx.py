"""Networks trained with rounded values, as ONNX files whose integers a runtime computes with."""

from pathlib import Path
from typing import Any

import onnx
import torch
from torch.fx import GraphModule

from trifocal.optimizer.compression.qat_graph import exportable, quiet
from trifocal.optimizer.compression.qat_integers import make_unsigned
from trifocal.optimizer.importing import ImportedModel
from trifocal.optimizer.runtimes.backend import BuildError
from trifocal.optimizer.torch_graph.pooling import name_pooling


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
        with quiet():
            program: Any = torch.onnx.export(
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
    written = name_pooling(program.model_proto)
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
