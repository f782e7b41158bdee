"""From an ONNX file to a PyTorch module that gives the same answers."""

import re
from operator import getitem
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import fx, nn

from trifocal.artifacts.failure import RefusedError
from trifocal.optimizer.runtimes.backend import BuildError
from trifocal.optimizer.torch_graph.biases import join_biases
from trifocal.optimizer.torch_graph.frozen import FrozenGraph, freeze
from trifocal.optimizer.torch_graph.parity import check_parity
from trifocal.optimizer.torch_graph.readers import (
    CONSTANT_ARGUMENTS,
    READERS,
    Reading,
    UnreadableError,
)

_NEWEST_READ = 17
"""onnx2torch's newest operator set; for what it reads, later sets only added number types."""


def to_torch(path: Path, output: str, example: NDArray[np.float32]) -> nn.Module:
    """A module in eval mode, float32: one batch in the file's own layout, one answer.

    Dimensions that the file leaves open become those of `example`, except the batch.

    Raises:
        BuildError: An operator cannot be read, or the module's answers differ from the file's.
    """
    try:
        graph = join_biases(freeze(path, output, example))
    except RefusedError as error:
        raise BuildError(str(error)) from error
    module = _Assembly(graph).module()
    check_parity(path, output, module, example)
    return module


class _Assembly:
    """Builds the module of one graph, node by node."""

    def __init__(self, graph: FrozenGraph) -> None:
        from onnx2torch.onnx_graph import (  # noqa: PLC0415 - its import registers 100 converters
            OnnxGraph,
        )

        self._graph = graph
        self._library_graph = OnnxGraph(graph.model.graph)
        self._root = nn.Module()
        self._code = fx.Graph()
        self._made: dict[str, fx.Node] = {graph.input: self._code.placeholder("x")}
        self._modules = 0

    def module(self) -> nn.Module:
        for position, node in enumerate(self._graph.model.graph.node):
            self._add(position, node)
        self._code.output(self._made[self._graph.output])
        self._code.lint()
        module = fx.GraphModule(self._root, self._code).eval()
        for parameter in module.parameters():
            parameter.data = parameter.data.float().clone(memory_format=torch.contiguous_format)
            parameter.requires_grad_()
        return module

    def _add(self, position: int, node: Any) -> None:
        layer, inputs = self._layer(node, position)
        name = self._free_name(node, position)
        self._root.add_module(name, layer)
        answer = self._code.call_module(name, tuple(self._argument(it) for it in inputs))
        outputs = list(node.output)
        if len(outputs) == 1:
            self._made[outputs[0]] = answer
            return
        for at, one in enumerate(outputs):
            if one and (at == 0 or self._is_read(one)):
                single = node.op_type in CONSTANT_ARGUMENTS and node.op_type != "Split"
                whole = single or node.op_type == "BatchNormalization"
                self._made[one] = (
                    answer if whole else self._code.call_function(getitem, (answer, at))
                )

    def _is_read(self, name: str) -> bool:
        return name == self._graph.output or any(
            name in node.input for node in self._graph.model.graph.node
        )

    def _layer(self, node: Any, position: int) -> tuple[nn.Module, list[str]]:
        reading = Reading(node=node, graph=self._graph)
        reader = READERS.get(node.op_type)
        try:
            layer = reader(reading) if reader and node.domain in {"", "ai.onnx"} else None
            if layer is not None:
                return layer, [node.input[0]]
            return self._library_layer(node, position)
        except UnreadableError as error:
            raise BuildError(_unreadable(str(error))) from error
        except (NotImplementedError, KeyError, ValueError, TypeError, RuntimeError) as error:
            raise BuildError(_unreadable(f"{reading.name}: {_line(error)}")) from error

    def _library_layer(self, node: Any, position: int) -> tuple[nn.Module, list[str]]:
        from onnx2torch.node_converters import get_converter  # noqa: PLC0415 - see above
        from onnx2torch.onnx_node import OnnxNode  # noqa: PLC0415 - see above

        converter = get_converter(
            domain=node.domain,
            operation_type=node.op_type,
            version=min(self._graph.version, _NEWEST_READ),
        )
        layer, mapping = converter(OnnxNode(node, f"node_{position}"), self._library_graph)
        inputs = list(mapping.inputs)
        while inputs and not inputs[-1]:
            inputs.pop()
        return layer, inputs

    def _argument(self, name: str) -> fx.Node | None:
        if not name:
            return None
        if name not in self._made:
            if name not in self._graph.constants:
                raise BuildError(_unreadable(f"the value '{name}', whose size follows the batch"))
            self._made[name] = self._constant(name)
        return self._made[name]

    def _constant(self, name: str) -> fx.Node:
        attribute = f"constant_{len(self._made)}"
        value = torch.from_numpy(np.array(self._graph.constants[name], copy=True, order="C"))
        if _is_for_channels(value):
            self._root.register_parameter(attribute, nn.Parameter(value))
        else:
            self._root.register_buffer(attribute, value)
        return self._code.get_attr(attribute)

    def _free_name(self, node: Any, position: int) -> str:
        """A Python name that tells which node it was."""
        told = re.sub(r"\W+", "_", node.name or node.op_type).strip("_")[:60]
        return f"{told or node.op_type}_{position}".lower()


def _is_for_channels(value: torch.Tensor) -> bool:
    """Whether it has one number for each channel of [batch, channels, height, width].

    Those are weights: they are trained, and go with their channel when it is pruned.
    """
    *outer, height, width = (1, 1, *value.shape)
    several = value.is_floating_point() and value.numel() > 1
    return several and (height, width) == (1, 1) and outer[-1] == value.numel()


def _unreadable(what: str) -> str:
    return (
        f"the network cannot be read as a PyTorch module: {what}. Only candidates that are pruned, "
        f"distilled, trained or exported need this; export the model with standard operators."
    )


def _line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
