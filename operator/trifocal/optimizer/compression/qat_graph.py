"""Torch networks as graphs of operators, and a sentence where torch.export refuses one."""

import linecache
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn
from torch.fx import GraphModule
from torchao.quantization.pt2e.quantize_pt2e import (
    convert_pt2e,
    prepare_pt2e,
    prepare_qat_pt2e,
)
from torchao.quantization.pt2e.utils import _fuse_conv_bn_, _fuse_linear_bn_

from trifocal.optimizer.compression.qat_scheme import Scheme, quantizer
from trifocal.optimizer.runtimes.backend import BuildError

_GENERATED = "<eval_with_key>"
"""How torch calls the file of a network that was put together from a graph, as from ONNX."""
_COMPUTING = frozenset(
    {
        torch.ops.aten.conv1d.default,
        torch.ops.aten.conv2d.default,
        torch.ops.aten.convolution.default,
        torch.ops.aten.conv_transpose2d.input,
        torch.ops.aten.linear.default,
        torch.ops.aten.matmul.default,
        torch.ops.aten.addmm.default,
        torch.ops.aten.mm.default,
    }
)
"""Where a network spends its time, and what its bytes are for."""
_DEQUANTIZING = frozenset(
    {
        torch.ops.quantized_decomposed.dequantize_per_tensor.default,
        torch.ops.quantized_decomposed.dequantize_per_tensor.tensor,
        torch.ops.quantized_decomposed.dequantize_per_channel.default,
    }
)


@contextmanager
def quiet() -> Iterator[None]:
    """Without the warnings that torch, torchao and ExecuTorch give about their own code."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def captured(module: nn.Module, example: torch.Tensor, *, any_batch: bool) -> GraphModule:
    """The graph of a network in eval mode, with batch normalization folded into what it follows.

    Folding is exact. torchao trains through batch normalization only where its epsilon is 1e-5,
    and computes something else where it is not; and a network that has learned already needs no
    new statistics (Krishnamoorthi 2018 freezes them for the same reason).

    Raises:
        BuildError: torch.export refuses the network.
    """
    graph = exported(module.eval(), example, any_batch=any_batch).module()
    with quiet():
        _fuse_conv_bn_(graph)
        _fuse_linear_bn_(graph)
    return graph


def exported(
    module: nn.Module, example: torch.Tensor, *, any_batch: bool
) -> torch.export.ExportedProgram:
    """torch.export's program for one batch size, that of the example, or for any.

    Raises:
        BuildError: torch.export refuses the network.
    """
    shapes = ({0: torch.export.Dim("batch", min=1, max=4096)},) if any_batch else None
    try:
        with quiet():
            return torch.export.export(module, (example,), dynamic_shapes=shapes)
    except Exception as error:  # torch.export lets through whatever the network's code raises
        raise BuildError(_refusal(error)) from error


def _refusal(error: Exception) -> str:
    text = str(error).strip()
    if text.startswith("Constraints violated"):
        return (
            "The network works for one batch size only, so it cannot be trained in batches: a "
            "constant in it, such as the shape of a Reshape, counts images. Export it again with "
            "a dynamic batch dimension."
        )
    first = text.splitlines()[0][:160].rstrip(".") if text else type(error).__name__
    return (
        f"torch.export refuses the network at {_place(error)}: {first}. Replace this operator, or "
        f"leave out what needs it (int8-qat, the target executorch)."
    )


def _place(error: Exception) -> str:
    """Line of the network's code that was run last: 'line 7, x = self.pool(y)'."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [f for f in frames if f.filename.startswith(_GENERATED)]
    outside = [f for f in frames if "/torch/" not in f.filename and f.filename != __file__]
    if not own and not outside:
        return "an unknown line"
    frame = (own or outside)[-1]
    code = frame.line or linecache.getline(frame.filename, frame.lineno or 0).strip()
    return f"line {frame.lineno}, `{code[:120]}`"


def quantized_share(graph: GraphModule) -> tuple[int, int]:
    """How many convolutions and matrix products have rounded weights, and how many there are."""
    computing = [node for node in graph.graph.nodes if node.target in _COMPUTING]
    rounded = [
        node
        for node in computing
        if any(getattr(source, "target", None) in _DEQUANTIZING for source in node.args[1:2])
    ]
    return len(rounded), len(computing)


def prepared(graph: GraphModule, scheme: Scheme) -> GraphModule:
    """The graph with observers, or with fake rounding where ranges are trained."""
    prepare = prepare_qat_pt2e if scheme.ranges == "trained" else prepare_pt2e
    with quiet():
        result: GraphModule = prepare(graph, quantizer(scheme))
    return result


def converted(graph: GraphModule) -> GraphModule:
    """The graph with rounded weights, from one whose ranges are known.

    Raises:
        BuildError: Nothing in it was rounded.
    """
    with quiet():
        result: GraphModule = convert_pt2e(graph)
    rounded, computing = quantized_share(result)
    if not rounded:
        raise BuildError(
            f"None of the {computing} convolutions and matrix products of this network can be "
            f"computed in 8-bit integers this way; leave this precision out."
        )
    return result


def exportable(graph: GraphModule) -> GraphModule:
    """The same graph, which says of itself that it is in eval mode, as exporters want to hear."""
    for module in graph.modules():
        module.training = False  # its method eval() is disabled by torchao
    return graph
