"""An ONNX graph cut to one output, with everything computed that does not depend on the image.

Exporters write shapes as arithmetic: Shape, Gather, Concat, Reshape. PyTorch cannot export or prune
a network whose shapes are tensors, so that arithmetic is run here, by ONNX Runtime, for two batch
sizes: what comes out alike is a constant, and what differs follows the batch.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import inliner, numpy_helper

from trifocal.optimizer.importing import load_model

_SHAPES = frozenset({"Shape", "Size"})
_RANDOM = frozenset(
    {"RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Bernoulli"}
)
Array = NDArray[Any]


@dataclass(frozen=True, kw_only=True)
class FrozenGraph:
    """Nodes that do depend on the image, in order, and all they need to know."""

    model: onnx.ModelProto
    input: str
    output: str
    constants: Mapping[str, Array]
    """Initializers, and values that no image changes."""
    following_batch: Mapping[str, tuple[int | None, ...]]
    """Shapes that differ with the batch: None stands for such a dimension."""
    shapes: Mapping[str, tuple[int, ...]]
    """Of activations, for the example's batch, where they are known."""

    @property
    def version(self) -> int:
        """Of the standard's operator set."""
        return next(it.version for it in self.model.opset_import if it.domain in {"", "ai.onnx"})


def freeze(path: Path, output: str, example: NDArray[np.float32]) -> FrozenGraph:
    """Read a file; dimensions that it leaves open are those of `example`, except the batch.

    Raises:
        RefusedError: It is no ONNX file.
        Exception: ONNX Runtime's, when the graph's arithmetic does not run.
    """
    model = inliner.inline_local_functions(load_model(path))
    constants = {it.name: numpy_helper.to_array(it) for it in model.graph.initializer}
    entry = next(it.name for it in model.graph.input if it.name not in constants)
    nodes = _needed(model.graph.node, output)
    computed = _independent(nodes, constants)
    wanted = _boundary(nodes, computed, constants)
    values, following = _evaluated(model, wanted, {entry: example})
    remaining = [node for node in nodes if not computed.issuperset(_named(node.output))]
    cut = _rebuilt(model, remaining, output, constants | values)
    frozen = _with_shapes(cut, entry, example.shape)
    return FrozenGraph(
        model=frozen,
        input=entry,
        output=output,
        constants=constants | values,
        following_batch=following,
        shapes=_shapes(frozen),
    )


def _named(values: Iterable[str]) -> set[str]:
    """Optional inputs and outputs that are left out have the empty name."""
    return {name for name in values if name}


def _needed(nodes: Iterable[Any], output: str) -> list[Any]:
    wanted, kept = {output}, []
    for node in reversed(list(nodes)):
        if wanted & _named(node.output):
            wanted |= _named(node.input)
            kept.append(node)
    return kept[::-1]


def _independent(nodes: Iterable[Any], constants: Mapping[str, Array]) -> set[str]:
    """Names whose values follow from constants and shapes alone."""
    known = set(constants)
    for node in nodes:
        nested = any(it.HasField("g") or it.graphs for it in node.attribute)
        decided = node.op_type in _SHAPES or known.issuperset(_named(node.input))
        if decided and not nested and node.op_type not in _RANDOM:
            known |= _named(node.output)
    return known


def _boundary(nodes: list[Any], computed: set[str], constants: Mapping[str, Array]) -> list[str]:
    """Computed names that the rest of the graph reads."""
    read = [
        name
        for node in nodes
        if not computed.issuperset(_named(node.output))
        for name in node.input
        if name in computed and name not in constants
    ]
    return list(dict.fromkeys(read))


def _evaluated(
    model: Any, wanted: list[str], feeds: Mapping[str, NDArray[np.float32]]
) -> tuple[dict[str, Array], dict[str, tuple[int | None, ...]]]:
    """Values that are the same for every batch, and shapes that are not."""
    if not wanted:
        return {}, {}
    ((entry, example),) = feeds.items()
    session = _session(model, wanted)
    first = session.run(wanted, {entry: example})
    try:
        second = session.run(wanted, {entry: np.concatenate([example, example[:1]])})
    except Exception:  # noqa: BLE001 - ONNX Runtime's own classes; the graph takes one batch size
        second = first
    values: dict[str, Array] = {}
    following: dict[str, tuple[int | None, ...]] = {}
    for name, one, other in zip(wanted, first, second, strict=True):
        if np.array_equal(one, other):
            values[name] = np.asarray(one)
        elif one.shape == other.shape and one.ndim == 1:
            pairs = zip(one.tolist(), other.tolist(), strict=True)
            following[name] = tuple(int(a) if a == b else None for a, b in pairs)
    return values, following


def _session(model: Any, outputs: list[str]) -> Any:
    import onnxruntime as ort  # noqa: PLC0415 - takes a second

    probed = onnx.ModelProto()
    probed.CopyFrom(model)
    del probed.graph.output[:]
    probed.graph.output.extend(onnx.ValueInfoProto(name=name) for name in outputs)
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4  # fatal: names of unused weights are of no interest
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    return ort.InferenceSession(
        probed.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


def _rebuilt(model: Any, nodes: list[Any], output: str, constants: Mapping[str, Array]) -> Any:
    """The same model with these nodes only, and as initializers what they read."""
    read = {name for node in nodes for name in node.input}
    frozen = onnx.ModelProto()
    frozen.CopyFrom(model)
    graph = frozen.graph
    results = [it for it in graph.output if it.name == output]
    inputs = [it for it in graph.input if it.name not in constants]
    for field in (graph.node, graph.initializer, graph.output, graph.input, graph.value_info):
        del field[:]
    graph.node.extend(nodes)
    graph.output.extend(results)
    graph.input.extend(inputs)
    graph.initializer.extend(
        numpy_helper.from_array(np.ascontiguousarray(value), name)
        for name, value in constants.items()
        if name in read
    )
    return frozen


def _with_shapes(model: Any, entry: str, shape: tuple[int, ...]) -> Any:
    """The same model, with the shape of each activation that can be inferred."""
    for value in model.graph.input:
        if value.name == entry:
            for dimension, size in zip(value.type.tensor_type.shape.dim, shape, strict=True):
                dimension.dim_value = size
    for value in model.graph.output:
        value.type.tensor_type.ClearField("shape")
    return onnx.shape_inference.infer_shapes(model, data_prop=True)


def _shapes(model: Any) -> dict[str, tuple[int, ...]]:
    graph = model.graph
    return {
        value.name: tuple(it.dim_value for it in value.type.tensor_type.shape.dim)
        for value in (*graph.value_info, *graph.output, *graph.input)
        if value.type.tensor_type.HasField("shape")
        and all(it.HasField("dim_value") for it in value.type.tensor_type.shape.dim)
    }
