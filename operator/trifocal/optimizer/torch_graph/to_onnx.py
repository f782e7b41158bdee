"""From a PyTorch module to one ONNX file that every step after can read."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from torch import nn

from trifocal.optimizer.runtimes.backend import BuildError
from trifocal.optimizer.torch_graph.parity import check_parity
from trifocal.optimizer.torch_graph.pooling import name_pooling

Opset = Literal[17, 18, 19, 20, 21]
_EXPORTERS_OLDEST = 18
_MAX_BATCH = 1 << 16
_HIDDEN = "trifocal.kept"
"""A domain that no rewrite rule knows."""


def to_onnx(
    module: nn.Module,
    example: NDArray[np.float32],
    input_name: str,
    output_name: str,
    target: Path,
    opset: Opset = 18,
) -> None:
    """Write one file without external data, which takes any batch; BatchNorm stays.

    `example` is a batch in the module's own layout; its other dimensions are fixed in the file.

    Raises:
        BuildError: The module cannot be exported, or the file's answers differ from its own.
    """
    two = np.concatenate([example, example])[:2]
    module.eval()
    with _quiet():
        model = _exported(module, two, (input_name, output_name), opset)
    onnx.save_model(model, target)
    for batch in (two[:1], np.concatenate([two, two[:1]])):
        check_parity(target, output_name, module, batch)


def _exported(
    module: nn.Module, example: NDArray[np.float32], names: tuple[str, str], opset: Opset
) -> Any:
    batch = torch.export.Dim("batch", min=2, max=_MAX_BATCH)
    try:
        program = torch.export.export(
            module, (torch.from_numpy(example),), dynamic_shapes=({0: batch},)
        )
        exported: Any = torch.onnx.export(
            program,
            dynamo=True,
            input_names=names[:1],
            output_names=names[1:],
            dynamic_shapes=({0: batch},),
            opset_version=max(opset, _EXPORTERS_OLDEST),
            optimize=False,
            verbose=False,
        )
    except Exception as error:
        raise BuildError(
            f"PyTorch cannot export the network to ONNX: {type(error).__name__} "
            f"{_line(error)}. Its batch must be free and its control flow must not depend on "
            f"the image"
        ) from error
    _optimize(exported.model)
    model = name_pooling(_plain(exported.model_proto))
    if len(model.graph.output) != 1:
        raise BuildError(
            f"the network has {len(model.graph.output)} outputs; it must answer with one tensor"
        )
    return model if opset >= _EXPORTERS_OLDEST else _older(model, opset)


def _optimize(model: Any) -> None:
    """Fold constants; BatchNorm is hidden meanwhile, or it would be joined with the layer before.

    Networks are trained again after they were pruned, and without BatchNorm they learn worse.
    """
    from onnxscript import optimizer  # noqa: PLC0415 - takes a second

    norms = [node for node in model.graph if node.op_type == "BatchNormalization"]
    for node in norms:
        node.domain = _HIDDEN
    optimizer.optimize_ir(model)
    for node in norms:
        node.domain = ""
    model.opset_imports.pop(_HIDDEN, None)


def _plain(model: Any) -> Any:
    """The model without the exporter's notes on its own source code, which name this machine."""
    graph = model.graph
    for it in (model, graph, *graph.node, *graph.value_info, *graph.input, *graph.output):
        del it.metadata_props[:]
        it.ClearField("doc_string")
    for tensor in graph.initializer:
        del tensor.metadata_props[:]
        tensor.ClearField("doc_string")
    return model


def _older(model: Any, opset: int) -> Any:
    """The model in an older operator set."""
    try:
        older = onnx.version_converter.convert_version(model, opset)
    except Exception as error:
        raise BuildError(
            f"the network cannot be written for ONNX operator set {opset}: {_line(error)}"
        ) from error
    for node in older.graph.node:
        # The converter leaves what the older set does not have; its default changes nothing.
        newer = [it for it in node.attribute if it.name == "noop_with_empty_axes"]
        for attribute in newer:
            node.attribute.remove(attribute)
    return older


def _line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [""])[0][:200]


@contextmanager
def _quiet() -> Iterator[None]:
    """PyTorch's exporters warn and log about themselves, for their own developers."""
    logger = logging.getLogger("torch")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(before)
