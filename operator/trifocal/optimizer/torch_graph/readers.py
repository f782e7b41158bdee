"""One function per ONNX operator whose constant arguments become those of a PyTorch module.

What is not listed here is read by onnx2torch, which knows the operators that are modules anyway.
"""

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from torch import nn

from trifocal.optimizer.torch_graph import layers
from trifocal.optimizer.torch_graph.frozen import FrozenGraph


class UnreadableError(Exception):
    """An operator, or a use of it, that is not read; `str()` says which."""


@dataclass(frozen=True, kw_only=True)
class Reading:
    """One node and what is known about its inputs."""

    node: Any
    graph: FrozenGraph

    def attribute(self, name: str, default: Any = None) -> Any:
        """Value of an attribute; text as str."""
        for it in self.node.attribute:
            if it.name == name:
                value = onnx.helper.get_attribute_value(it)
                return value.decode() if isinstance(value, bytes) else value
        return default

    def has(self, position: int) -> bool:
        """Whether an input is given."""
        return len(self.node.input) > position and bool(self.node.input[position])

    def is_constant(self, position: int) -> bool:
        """Whether an input is given and no image changes it."""
        return self.has(position) and self.node.input[position] in self.graph.constants

    def constant(self, position: int) -> NDArray[Any]:
        """An input's value.

        Raises:
            UnreadableError: It depends on the image.
        """
        if not self.is_constant(position):
            raise UnreadableError(f"{self.name}: its input {position} is computed from the image")
        return self.graph.constants[self.node.input[position]]

    def numbers(self, attribute: str, position: int) -> list[int] | None:
        """Whole numbers that older operator sets have as an attribute and newer as an input."""
        if self.has(position):
            return [int(it) for it in self.constant(position).reshape(-1)]
        found = self.attribute(attribute)
        return None if found is None else [int(it) for it in found]

    def target(self, position: int) -> tuple[int | None, ...]:
        """A shape; None for what follows the batch."""
        following = self.graph.following_batch.get(self.node.input[position])
        return following or tuple(int(it) for it in self.constant(position).reshape(-1))

    def shape(self, position: int = 0) -> tuple[int, ...] | None:
        """An input's shape for the example's batch, where it is known."""
        return self.graph.shapes.get(self.node.input[position])

    @property
    def name(self) -> str:
        """For messages: Reshape (node 'head/reshape')."""
        return f"{self.node.op_type} (node '{self.node.name or self.node.output[0]}')"


def _reshape(it: Reading) -> nn.Module:
    shape: tuple[int | None, ...] = (
        it.target(1) if it.has(1) else tuple(it.attribute("shape", ()))  # version 1 to 4
    )
    return layers.Reshape(_general(shape, it.shape()))


def _general(shape: tuple[int | None, ...], given: tuple[int, ...] | None) -> tuple[int, ...]:
    """Sizes that are copied (0) or follow (-1), not spelled out, because pruning changes them.

    Without the input's shape, the batch's own dimension follows from the rest.
    """
    loose = [at for at, size in enumerate(shape) if size in {None, -1}]
    if given is None:
        return tuple(-1 if size is None else size for size in shape)
    # Where the batch is computed and another dimension is left open, the batch is copied.
    copied = {at for at, size in enumerate(shape) if size == 0} | set(loose[:-1])
    sizes = [given[at] if at in copied else size or 0 for at, size in enumerate(shape)]
    if loose:
        sizes[loose[-1]] = 1
        others = math.prod(sizes)
        sizes[loose[-1]] = math.prod(given) // others if others else 0
    pairs = zip(sizes, given, strict=False)
    same = len(list(itertools.takewhile(lambda pair: pair[0] == pair[1], pairs)))
    left = range(same, len(sizes))
    follows = [at for at in loose if at in left] or (list(left) if len(left) == 1 else [])
    for at in follows[-1:]:
        sizes[at] = -1
    return (0,) * same + tuple(sizes[same:])


def _split(it: Reading) -> nn.Module:
    axis = it.attribute("axis", 0)
    sizes = it.numbers("split", 1)
    if sizes is None:
        shape = it.shape()
        if shape is None:
            raise UnreadableError(f"{it.name}: the size of its input is unknown")
        count = len(it.node.output)
        part = -(-shape[axis] // count)
        sizes = [part] * (count - 1) + [shape[axis] - part * (count - 1)]
    return layers.Split(sizes, axis)


def _slice(it: Reading) -> nn.Module:
    starts, ends = it.numbers("starts", 1) or [], it.numbers("ends", 2) or []
    axes = it.numbers("axes", 3) or list(range(len(starts)))
    steps = it.numbers("steps", 4) or [1] * len(starts)
    if min(steps) < 1:
        raise UnreadableError(f"{it.name}: it goes backwards (steps {steps})")
    return layers.Slice(list(zip(axes, starts, ends, steps, strict=True)))


def _gather(it: Reading) -> nn.Module | None:
    if not it.is_constant(1):
        return None
    return layers.Pick(torch.from_numpy(it.constant(1).copy()), it.attribute("axis", 0))


def _unsqueeze(it: Reading) -> nn.Module:
    return layers.Unsqueeze(it.numbers("axes", 1) or [])


def _squeeze(it: Reading) -> nn.Module:
    axes, shape = it.numbers("axes", 1), it.shape()
    if axes is None and shape is not None:
        axes = [at for at, size in enumerate(shape) if size == 1 and at > 0]
    if axes is None:
        raise UnreadableError(f"{it.name}: it names no axes, and its input's shape is unknown")
    return layers.Squeeze(axes)


def _expand(it: Reading) -> nn.Module:
    return layers.Expand([1 if size is None else size for size in it.target(1)])


def _tile(it: Reading) -> nn.Module:
    return layers.Tile(it.numbers("repeats", 1) or [])


def _pad(it: Reading) -> nn.Module:
    pads = it.numbers("pads", 1) or []
    axes = it.numbers("axes", 3) or list(range(len(pads) // 2))
    value = float(it.constant(2)) if it.has(2) else float(it.attribute("value", 0.0))
    mode = {"constant": "constant", "reflect": "reflect", "edge": "replicate"}.get(
        it.attribute("mode", "constant")
    )
    shape = it.shape()
    if mode is None or (min(axes) < 0 and shape is None):
        raise UnreadableError(f"{it.name}: mode {it.attribute('mode')}, axes {axes}")
    rank = len(shape) if shape else max(axes) + 1
    around = {axis % rank: pair for axis, pair in zip(axes, _pairs(pads), strict=True)}
    first = min(around) if mode == "constant" else 2
    ordered = [around.get(axis, (0, 0)) for axis in reversed(range(first, rank))]
    return layers.Pad([side for pair in ordered for side in pair], mode, value)


def _pairs(pads: list[int]) -> list[tuple[int, int]]:
    half = len(pads) // 2
    return list(zip(pads[:half], pads[half:], strict=True))


def _resize(it: Reading) -> nn.Module:
    scales, sizes = _scales(it), it.target(3) if it.has(3) else None
    shape = it.shape()
    rank = len(scales or sizes or ())
    axes = it.attribute("axes") or list(range(rank))
    if shape is not None and min(axes) < 0:
        axes = [axis % len(shape) for axis in axes]
    spatial = [at for at, axis in enumerate(axes) if axis > 1]
    moved = [at for at, axis in enumerate(axes) if axis <= 1 and scales and scales[at] != 1]
    coordinates = it.attribute("coordinate_transformation_mode", "half_pixel")
    kind = it.attribute("mode", "nearest")
    ratio = it.attribute("keep_aspect_ratio_policy", "stretch")
    unsupported = it.attribute("antialias", 0) or ratio != "stretch"
    if moved or unsupported or not spatial:
        raise UnreadableError(f"{it.name}: its axes or options have no counterpart")
    return layers.Resize(
        _interpolation(it, kind, len(spatial)),
        sizes=[int(sizes[at] or 0) for at in spatial] if sizes else None,
        scales=[scales[at] for at in spatial] if scales and not sizes else None,
        align_corners=coordinates == "align_corners",
    )


def _scales(it: Reading) -> list[float] | None:
    if it.node.op_type == "Upsample":
        found = it.constant(1) if it.has(1) else np.asarray(it.attribute("scales"))
    else:
        at = 2 if len(it.node.input) > 2 else 1  # noqa: PLR2004 - version 10 has no region input
        found = it.constant(at) if it.has(at) else np.zeros(0)
    return [float(value) for value in found.reshape(-1)] or None


def _interpolation(it: Reading, kind: str, dimensions: int) -> str:
    if kind == "nearest":
        return "nearest"
    if kind in {"linear", "bilinear"}:
        return {1: "linear", 2: "bilinear", 3: "trilinear"}[dimensions]
    if kind == "cubic":
        return "bicubic"
    raise UnreadableError(f"{it.name}: mode {kind}")


def _reduce(it: Reading) -> nn.Module:
    axes = it.numbers("axes", 1)
    if not axes and it.attribute("noop_with_empty_axes", 0):
        return nn.Identity()
    return layers.Reduce(it.node.op_type, axes or None, keep=bool(it.attribute("keepdims", 1)))


def _global_average_pool(_it: Reading) -> nn.Module:
    return nn.AdaptiveAvgPool2d(1)


def _global_max_pool(_it: Reading) -> nn.Module:
    return layers.GlobalMaxPool()


def _linear(it: Reading) -> nn.Module | None:
    """A product with a constant matrix, on the right, is a layer whose weights can be trained."""
    if not it.is_constant(1) or it.constant(1).ndim != 2 or it.attribute("transA", 0):  # noqa: PLR2004 - a matrix
        return None
    weight = it.constant(1) if it.attribute("transB", 0) else it.constant(1).T
    bias = it.constant(2).reshape(-1) if it.is_constant(2) else None
    if it.has(2) and (bias is None or bias.size not in {1, len(weight)}):
        return None
    layer = nn.Linear(weight.shape[1], weight.shape[0], bias=bias is not None)
    layer.weight.data = torch.tensor(weight * np.float32(it.attribute("alpha", 1.0)))
    if bias is not None:
        scaled = np.broadcast_to(bias * np.float32(it.attribute("beta", 1.0)), (len(weight),))
        layer.bias.data = torch.tensor(scaled)
    return layer


def _prelu(it: Reading) -> nn.Module | None:
    if not it.is_constant(1):
        return None
    slope, images = it.constant(1), it.shape()
    # One slope, or one for each channel: the dimension after the batch.
    aligned = (1,) * (len(images or ()) - slope.ndim) + slope.shape
    if slope.size != 1 and aligned[1:2] != (slope.size,):
        return None
    layer = nn.PReLU(slope.size)
    layer.weight.data = torch.tensor(slope.reshape(-1))
    return layer


def _gelu(it: Reading) -> nn.Module:
    return nn.GELU(approximate=it.attribute("approximate", "none"))


def _mish(_it: Reading) -> nn.Module:
    return nn.Mish()


def _hard_sigmoid(it: Reading) -> nn.Module | None:
    alpha, beta = it.attribute("alpha", 0.2), it.attribute("beta", 0.5)
    return nn.Hardsigmoid() if np.allclose((alpha, beta), (1 / 6, 0.5), atol=1e-6) else None


def _identity(_it: Reading) -> nn.Module:
    return nn.Identity()


Reader = Callable[[Reading], nn.Module | None]
READERS: dict[str, Reader] = {
    "Reshape": _reshape,
    "Split": _split,
    "Slice": _slice,
    "Gather": _gather,
    "Unsqueeze": _unsqueeze,
    "Squeeze": _squeeze,
    "Expand": _expand,
    "Tile": _tile,
    "Pad": _pad,
    "Resize": _resize,
    "Upsample": _resize,
    "GlobalAveragePool": _global_average_pool,
    "GlobalMaxPool": _global_max_pool,
    "MatMul": _linear,
    "Gemm": _linear,
    "PRelu": _prelu,
    "Gelu": _gelu,
    "Mish": _mish,
    "HardSigmoid": _hard_sigmoid,
    "Identity": _identity,
    "Dropout": _identity,
    **dict.fromkeys(layers.REDUCTIONS, _reduce),
}
"""None from a reader means that onnx2torch should try."""
CONSTANT_ARGUMENTS: frozenset[str] = frozenset(set(READERS) - {"Identity"})
"""Operators whose modules take the first input only; the others have become arguments."""
