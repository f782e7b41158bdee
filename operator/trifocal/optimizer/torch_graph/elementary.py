"""Layers that runtimes for devices lack, made of layers that they have."""

import torch
from torch import Tensor, nn
from typing_extensions import override


class RectifiedParts(nn.Module):
    """PReLU as relu(x) - slope * relu(-x): litert-torch cannot trace it, XNNPACK leaves it out."""

    def __init__(self, slope: Tensor) -> None:
        super().__init__()
        self.register_buffer("slope", slope.detach().clone())
        self.slope: Tensor

    @override
    def forward(self, x: Tensor) -> Tensor:
        """One slope for each channel, or one for all."""
        slope = self.slope if self.slope.numel() == 1 else self.slope.view(-1, *[1] * (x.dim() - 2))
        return torch.relu(x) - slope * torch.relu(-x)


def elementary(module: nn.Module) -> nn.Module:
    """The same network with such layers replaced, in place."""
    for name, child in module.named_children():
        if isinstance(child, nn.PReLU):
            setattr(module, name, RectifiedParts(child.weight))
        else:
            elementary(child)
    return module
