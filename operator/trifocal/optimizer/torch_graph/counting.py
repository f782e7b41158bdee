"""Counts a module's parameters, multiply-accumulates and zeros."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

_WEIGHTED = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.Linear)
_TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)


@dataclass(frozen=True, kw_only=True)
class Counts:
    """How large a network is."""

    parameters: int
    macs: int
    """Multiply-accumulates of its convolutions and matrix products, for one image."""
    zeros: float
    """Share of the weights of those layers that are zero."""


def weighted_layers(module: nn.Module) -> list[Any]:
    """Convolutions and matrix products, in the module's order."""
    return [it for it in module.modules() if isinstance(it, (*_WEIGHTED, *_TRANSPOSED))]


def count(module: nn.Module, one: torch.Tensor) -> Counts:
    """Run a batch of one and count."""
    macs = 0

    def add(layer: Any, inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> None:
        nonlocal macs
        macs += _macs(layer, inputs[0], output)

    layers = weighted_layers(module)
    hooks = [layer.register_forward_hook(add) for layer in layers]
    try:
        with torch.no_grad():
            module.eval()(one)
    finally:
        for hook in hooks:
            hook.remove()
    weights = sum(layer.weight.numel() for layer in layers)
    zeros = sum(int((layer.weight == 0).sum()) for layer in layers)
    return Counts(
        parameters=sum(it.numel() for it in module.parameters()),
        macs=macs,
        zeros=zeros / weights if weights else 0.0,
    )


def _macs(layer: Any, given: torch.Tensor, output: torch.Tensor) -> int:
    """A weight of a convolution is used once for each position of its output.

    A transposed convolution's once for each position of its input; a matrix's once for each row.
    """
    if isinstance(layer, nn.Linear):
        return int(layer.weight.numel() * (output.numel() // layer.out_features))
    positions = given if isinstance(layer, _TRANSPOSED) else output
    return int(layer.weight.numel() * (positions[0, 0].numel()))
