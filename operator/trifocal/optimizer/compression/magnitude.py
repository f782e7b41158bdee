"""Weight-magnitude pruning of a PyTorch module: zeros that stay zeros while it is trained."""

import numpy as np
import torch
from torch import nn

from trifocal.optimizer.compression.masks import Mask, at_least, largest, two_of_four
from trifocal.optimizer.recipe import Pruned
from trifocal.optimizer.runtimes.backend import BuildError
from trifocal.optimizer.torch_graph.counting import weighted_layers


class Zeros:
    """The weights of a module that are zero from now on."""

    def __init__(self, module: nn.Module, pruned: Pruned) -> None:
        """Choose them by magnitude, and set them to zero.

        Raises:
            BuildError: None would be removed, or all.
        """
        layers = weighted_layers(module)
        weights = [layer.weight.detach().numpy() for layer in layers]
        chosen = _chosen(weights, pruned)
        pairs = list(zip(layers, chosen, strict=True))
        self._held = [(layer.weight, torch.from_numpy(mask)) for layer, mask in pairs]
        self.layers = len(layers)
        self.untouched = sum(bool(mask.all()) for mask in chosen)
        kept = sum(int(mask.sum()) for mask in chosen)
        if kept in {0, sum(weight.size for weight in weights)}:
            raise BuildError(_extreme(pruned, weights, kept))
        self.hold()

    def hold(self) -> None:
        """Set them to zero again; to be called after each step of an optimizer."""
        with torch.no_grad():
            for weight, mask in self._held:
                weight.mul_(mask)


def _chosen(
    weights: list[np.ndarray[tuple[int, ...], np.dtype[np.float32]]], pruned: Pruned
) -> list[Mask]:
    if pruned.method == "2:4":
        found = [two_of_four(weight) for weight in weights]
        whole = [np.ones(weight.shape, dtype=np.bool_) for weight in weights]
        return [mask if mask is not None else all_ for mask, all_ in zip(found, whole, strict=True)]
    if pruned.threshold is not None:
        return at_least(weights, pruned.threshold)
    return largest(weights, pruned.ratio or 0.0)


def _extreme(
    pruned: Pruned, weights: list[np.ndarray[tuple[int, ...], np.dtype[np.float32]]], kept: int
) -> str:
    what = "all weights" if kept == 0 else "no weight"
    if pruned.threshold is None:
        return f"{pruned.name} removes {what}; leave it out"
    magnitudes = np.abs(np.concatenate([weight.reshape(-1) for weight in weights]))
    low, high = np.quantile(magnitudes, (0.3, 0.9))
    return (
        f"the threshold {pruned.threshold:g} removes {what}; a threshold from {low:.2g} to "
        f"{high:.2g} removes 30 % to 90 % of them"
    )
