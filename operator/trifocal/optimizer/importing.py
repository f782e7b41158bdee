"""Step `import`: is this file the ONNX model that the spec describes? It is checked, never run.

Nothing outside the file is ever opened: weights must lie inside it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trifocal.api.condition import Reason
from trifocal.api.model import ModelSpec, TensorSpec
from trifocal.artifacts.failure import RefusedError
from trifocal.optimizer.operators import graphs, refused_operators

MAX_MODEL_BYTES = (1 << 31) - 1
"""Protobuf's own limit for one message."""


@dataclass(frozen=True, kw_only=True)
class ImportedModel:
    """An ONNX file that fits its spec."""

    path: Path
    input: str
    input_shape: tuple[int, ...]
    """Without the batch, as the spec says: the graph may leave them open."""
    output: str
    fixed_batch: int | None
    """The only batch size that the graph takes; None when it takes any."""


def import_model(path: Path, spec: ModelSpec) -> ImportedModel:
    """Check a file against the spec.

    Raises:
        RefusedError: ModelInvalid or InputMismatch, saying what the model has instead.
    """
    model = load_model(path)
    _check_no_external_data(model)
    _check_operators(model)
    _check_well_formed(model)
    graph_input = _find_input(model, spec.inputs[0])
    fixed_batch = _check_shape(graph_input, spec.inputs[0])
    return ImportedModel(
        path=path,
        input=graph_input.name,
        input_shape=spec.inputs[0].shape,
        output=_find_output(model, spec.output),
        fixed_batch=fixed_batch,
    )


def load_model(path: Path) -> Any:
    """Parse a file without following references to others.

    Raises:
        RefusedError: ModelInvalid.
    """
    import onnx  # noqa: PLC0415 - heavy
    from google.protobuf.message import (  # noqa: PLC0415 - onnx's
        DecodeError,
    )

    try:
        model = onnx.load_model(path, load_external_data=False)
    except (DecodeError, ValueError, UnicodeDecodeError) as error:
        raise _invalid("it is not an ONNX file, or it is cut off") from error
    if not model.graph.node:
        raise _invalid("it is not an ONNX file, or its graph is empty")
    return model


def _invalid(why: str) -> RefusedError:
    return RefusedError(
        Reason.MODEL_INVALID,
        f"The source model is refused: {why}. Export it again as one ONNX file.",
    )


def _tensors(model: Any) -> Iterator[Any]:
    for graph in graphs(model):
        for node in graph.node:
            for attribute in node.attribute:
                if attribute.HasField("t"):
                    yield attribute.t
                yield from attribute.tensors
        yield from getattr(graph, "initializer", ())
        for sparse in getattr(graph, "sparse_initializer", ()):
            yield sparse.values
            yield sparse.indices


def _check_no_external_data(model: Any) -> None:
    import onnx  # noqa: PLC0415 - heavy

    for tensor in _tensors(model):
        if tensor.data_location == onnx.TensorProto.EXTERNAL or tensor.external_data:
            raise _invalid(f"tensor '{tensor.name}' lies in another file (external data)")


def _check_operators(model: Any) -> None:
    refused = refused_operators(model)
    if refused:
        raise _invalid(
            f"it uses operators that are not served: {', '.join(refused[:5])}"
            f"{f' and {len(refused) - 5} more' if len(refused) > 5 else ''}"  # noqa: PLR2004 - shown
        )


def _check_well_formed(model: Any) -> None:
    import onnx  # noqa: PLC0415 - heavy

    try:
        onnx.checker.check_model(model)
    except (onnx.checker.ValidationError, ValueError) as error:
        line = str(error).strip().splitlines()[0][:300]
        raise _invalid(f"the ONNX checker says: {line}") from error


def _find_input(model: Any, spec: TensorSpec) -> Any:
    weights = {tensor.name for tensor in model.graph.initializer}
    inputs = [value for value in model.graph.input if value.name not in weights]
    found = ", ".join(describe(value) for value in inputs)
    if len(inputs) != 1:
        raise RefusedError(
            Reason.INPUT_MISMATCH,
            f"The model has {len(inputs)} inputs ({found}); models with one image input are "
            f"served. Fold the others into the graph.",
        )
    if inputs[0].name != spec.name:
        raise RefusedError(
            Reason.INPUT_MISMATCH,
            f"spec.model.inputs[0].name is '{spec.name}', but the model's input is {found}; "
            f"set the name to '{inputs[0].name}'.",
        )
    return inputs[0]


def _check_shape(value: Any, spec: TensorSpec) -> int | None:
    import onnx  # noqa: PLC0415 - heavy

    tensor = value.type.tensor_type
    dimensions = list(tensor.shape.dim)
    fits = len(dimensions) == len(spec.shape) + 1 and all(
        _is_open(dimension) or dimension.dim_value == wanted
        for dimension, wanted in zip(dimensions[1:], spec.shape, strict=True)
    )
    if tensor.elem_type != onnx.TensorProto.FLOAT or not fits:
        raise RefusedError(
            Reason.INPUT_MISMATCH,
            f"spec.model.inputs[0] says {spec.dtype} with shape {list(spec.shape)} after the "
            f"batch, but the model's input is {describe(value)}; change the spec, or export the "
            f"model with that input.",
        )
    return None if _is_open(dimensions[0]) else dimensions[0].dim_value


def _is_open(dimension: Any) -> bool:
    """Nothing written, or a number that is none: PaddlePaddle exports -1."""
    return bool(dimension.dim_value <= 0)


def _find_output(model: Any, wanted: str | None) -> str:
    outputs = [value.name for value in model.graph.output]
    if wanted is None and outputs:
        return str(outputs[0])
    if wanted is None or wanted not in outputs:
        raise RefusedError(
            Reason.MODEL_INVALID,
            f"spec.model.output is '{wanted}', but the model's outputs are "
            f"{', '.join(map(describe, model.graph.output)) or 'none'}; name one of them.",
        )
    return wanted


def describe(value: Any) -> str:
    """A graph's input or output for people: 'x' float32 [N, 3, 224, 224]."""
    import onnx  # noqa: PLC0415 - heavy

    tensor = value.type.tensor_type
    dtype = onnx.TensorProto.DataType.Name(tensor.elem_type).lower()
    shape = [str(d.dim_value or d.dim_param or "?") for d in tensor.shape.dim]
    return f"'{value.name}' {'float32' if dtype == 'float' else dtype} [{', '.join(shape)}]"
