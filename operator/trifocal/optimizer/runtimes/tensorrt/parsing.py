"""From an ONNX file to a TensorRT network, or to a sentence that names what stands in the way."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from trifocal.optimizer.importing import load_model
from trifocal.optimizer.runtimes.backend import BuildError
from trifocal.optimizer.runtimes.tensorrt.api import (
    Builder,
    INetworkDefinition,
    Module,
    ParserError,
)
from trifocal.optimizer.runtimes.tensorrt.failure import quoted
from trifocal.optimizer.runtimes.tensorrt.messages import Messages
from trifocal.optimizer.runtimes.tensorrt.quantized_graph import why_quantization_is_refused

_NAMED = 5
"""Nodes that a sentence names."""
_NOT_SUPPORTED = ("plugin not found", "plugin creator")
"""In the parser's complaint about an operator that it takes for a plug-in's."""


def closed_model(path: Path, shape: Sequence[int]) -> bytes:
    """The file's bytes, with all but the batch of its input fixed to `shape` (without the batch).

    What follows from open sizes is then constant, and the parser folds it: anchors, resizing.
    Every node has a name, by which it can be complained about.

    Raises:
        BuildError: It is quantized as TensorRT does not compute.
        RefusedError: It is no ONNX model.
    """
    model = load_model(path)
    if why := why_quantization_is_refused(model):
        raise BuildError(why)
    weights = {tensor.name for tensor in model.graph.initializer}
    for value in model.graph.input:
        if value.name not in weights:
            dimensions = value.type.tensor_type.shape.dim[1:]
            for dimension, size in zip(dimensions, shape, strict=True):
                dimension.dim_value = size
    for node in model.graph.node:
        node.name = node.name or f"{node.op_type}:{node.output[0]}"
    return bytes(model.SerializeToString())


def parse(
    trt: Module, builder: Builder, model: bytes, listener: Any, messages: Messages
) -> INetworkDefinition:
    """A strongly typed network: each tensor has the type that the ONNX file gives it.

    The parser gets bytes and no path, so it cannot open other files.

    Raises:
        BuildError: Naming operators and nodes.
    """
    # TensorRT 11 knows no other networks and ignores the flag; 10 needs it.
    flags = 1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED)
    network = builder.create_network(flags)
    parser = trt.OnnxParser(network, listener)
    if not parser.parse(model):
        errors = [parser.get_error(index) for index in range(parser.num_errors)]
        raise BuildError(why_not_parsed(errors, messages))
    return network


def why_not_parsed(errors: Sequence[ParserError], messages: Messages) -> str:
    """One sentence for all of the parser's complaints."""
    if not errors:
        return f"TensorRT cannot read the model, and says: {quoted(messages.errors)}"
    nodes = list(dict.fromkeys(map(_node, errors)))
    named = ", ".join(nodes[:_NAMED])
    more = f" and {len(nodes) - _NAMED} more" if len(nodes) > _NAMED else ""
    if all(map(_is_unsupported, errors)):
        return (
            f"TensorRT has no {named}{more}; export the model without them (decoding and "
            "non-maximum suppression can follow in the client), or choose the target onnxruntime"
        )
    return (
        f"TensorRT rejects {named}{more}, and says: {' '.join(errors[0].desc().split())[:300]}; "
        "change these nodes in the exported model, or choose the target onnxruntime"
    )


def _node(error: ParserError) -> str:
    operator = error.node_operator() or "an operator"
    return f"{operator} (node '{error.node_name()}')" if error.node_name() else operator


def _is_unsupported(error: ParserError) -> bool:
    """Not a word about why: what is refused is the operator itself, or one for a plug-in."""
    text = error.desc().strip().lower()
    return text in {"", "false"} or any(sign in text for sign in _NOT_SUPPORTED)
