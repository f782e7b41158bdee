"""PyTorch modules for ONNX operators whose arguments were tensors and are constants now."""

from collections.abc import Callable, Sequence

import torch
from torch import nn
from torch.nn import functional
from typing_extensions import override

Tensor = torch.Tensor


class Reshape(nn.Module):
    """To a shape in which 0 keeps a dimension and -1 stands for what is left."""

    def __init__(self, shape: Sequence[int]) -> None:
        """Take the target shape."""
        super().__init__()
        self.shape = tuple(shape)

    @override
    def forward(self, x: Tensor) -> Tensor:
        """Reshape."""
        return x.reshape([x.shape[at] if size == 0 else size for at, size in enumerate(self.shape)])


class Unsqueeze(nn.Module):
    """Inserts dimensions of size 1; axes count in the result."""

    def __init__(self, axes: Sequence[int]) -> None:
        """Take the axes."""
        super().__init__()
        self.axes = tuple(axes)

    @override
    def forward(self, x: Tensor) -> Tensor:
        """Insert them from the first to the last."""
        rank = x.dim() + len(self.axes)
        for axis in sorted(axis % rank for axis in self.axes):
            x = x.unsqueeze(axis)
        return x


class Squeeze(nn.Module):
    """Removes dimensions of size 1."""

    def __init__(self, axes: Sequence[int]) -> None:
        """Take the axes."""
        super().__init__()
        self.axes = tuple(axes)

    @override
    def forward(self, x: Tensor) -> Tensor:
        """Remove them."""
        return x.squeeze(self.axes)


class Split(nn.Module):
    """Into parts along an axis."""

    def __init__(self, sizes: Sequence[int], axis: int) -> None:
        """Take the parts' sizes."""
        super().__init__()
        self.sizes = list(sizes)
        self.axis = axis

    @override
    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Split; equal parts stay equal when channels are removed."""
        if len(set(self.sizes)) == 1:
            return torch.chunk(x, len(self.sizes), self.axis)
        return torch.split(x, self.sizes, self.axis)


class Slice(nn.Module):
    """A part along some axes."""

    def __init__(self, parts: Sequence[tuple[int, int, int, int]]) -> None:
        """Take (axis, start, end, step) for each axis."""
        super().__init__()
        self.parts = tuple(parts)

    @override
    def forward(self, x: Tensor) -> Tensor:
        """Cut it out."""
        whole = [slice(None)] * x.dim()
        for axis, start, end, step in self.parts:
            whole[axis] = slice(start, end, step)
        return x[tuple(whole)]


class Pick(nn.Module):
    """One position, or several, along an axis."""

    def __init__(self, index: Tensor, axis: int) -> None:
        """Take positions: a tensor without dimensions removes the axis."""
        super().__init__()
        self.axis = axis
        self.single = int(index) if index.dim() == 0 else None
        self.register_buffer("index", index.reshape(-1).long())
        self.kept = tuple(index.shape)

    @override
    def forward(self, x: Tensor) -> Tensor:
        """Pick."""
        if self.single is not None:
            return x.select(self.axis, self.single)
        axis = self.axis % x.dim()
        picked = x.index_select(axis, self.index)  # type: ignore[arg-type]
        if len(self.kept) == 1:
            return picked
        return picked.reshape((*x.shape[:axis], *self.kept, *x.shape[axis + 1 :]))


class Expand(nn.Module):
    """Broadcasts against a shape: a dimension of 1 in it changes nothing."""

    def __init__(self, shape: Sequence[int]) -> None:
        """Take the shape."""
        super().__init__()
        self.shape = tuple(shape)

    @override
    def forward(self, x: Tensor) -> Tensor:
        """Broadcast."""
        rank = max(x.dim(), len(self.shape))
        wanted = (1,) * (rank - len(self.shape)) + self.shape
        sizes = (1,) * (rank - x.dim()) + tuple(x.shape)
        return x.expand([w if s == 1 else s for w, s in zip(wanted, sizes, strict=True)])


class Tile(nn.Module):
    """Repeats along each axis."""

    def __init__(self, repeats: Sequence[int]) -> None:
        """Take how often."""
        super().__init__()
        self.repeats = tuple(repeats)

    @override
    def forward(self, x: Tensor) -> Tensor:
        """Repeat."""
        return x.repeat(self.repeats)


class Pad(nn.Module):
    """Adds a margin."""

    def __init__(self, pads: Sequence[int], mode: str, value: float) -> None:
        """Take pads in PyTorch's order: before and after, from the last dimension on."""
        super().__init__()
        self.pads = list(pads)
        self.mode = mode
        self.value = value

    @override
    def forward(self, x: Tensor) -> Tensor:
        """Pad."""
        if self.mode == "constant":
            return functional.pad(x, self.pads, value=self.value)
        return functional.pad(x, self.pads, mode=self.mode)


class Resize(nn.Module):
    """Interpolates the dimensions after batch and channels."""

    def __init__(
        self,
        mode: str,
        *,
        sizes: Sequence[int] | None,
        scales: Sequence[float] | None,
        align_corners: bool,
    ) -> None:
        """Take PyTorch's mode, and one of sizes and scales."""
        super().__init__()
        self.mode = mode
        self.sizes = None if sizes is None else list(sizes)
        self.scales = None if scales is None else list(scales)
        self.align_corners = None if mode.startswith("nearest") else align_corners

    @override
    def forward(self, x: Tensor) -> Tensor:
        """Interpolate."""
        return functional.interpolate(
            x,
            size=self.sizes,
            scale_factor=self.scales,
            mode=self.mode,
            align_corners=self.align_corners,
        )


class Reduce(nn.Module):
    """A function over some axes."""

    def __init__(self, kind: str, axes: Sequence[int] | None, *, keep: bool) -> None:
        """Take the operator's name; axes None means all."""
        super().__init__()
        self.reduce = _REDUCTIONS[kind]
        self.axes = None if axes is None else tuple(axes)
        self.keep = keep

    @override
    def forward(self, x: Tensor) -> Tensor:
        """Reduce."""
        axes = tuple(range(x.dim())) if self.axes is None else self.axes
        return self.reduce(x, axes, self.keep)


_REDUCTIONS: dict[str, Callable[[Tensor, tuple[int, ...], bool], Tensor]] = {
    "ReduceMean": lambda x, axes, keep: x.mean(axes, keep),
    "ReduceSum": lambda x, axes, keep: x.sum(axes, keep),
    "ReduceMax": lambda x, axes, keep: x.amax(axes, keep),
    "ReduceMin": lambda x, axes, keep: x.amin(axes, keep),
    "ReduceL1": lambda x, axes, keep: x.abs().sum(axes, keep),
    "ReduceL2": lambda x, axes, keep: x.square().sum(axes, keep).sqrt(),
    "ReduceSumSquare": lambda x, axes, keep: x.square().sum(axes, keep),
    "ReduceLogSumExp": lambda x, axes, keep: x.logsumexp(axes, keep),
}
REDUCTIONS = frozenset(_REDUCTIONS)


class GlobalMaxPool(nn.Module):
    """The largest value of each channel; all dimensions stay."""

    @override
    def forward(self, x: Tensor) -> Tensor:
        """Pool."""
        return x.amax(tuple(range(2, x.dim())), keepdim=True)
