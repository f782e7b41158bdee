"""Smaller networks by name, fitted to a model's input and answers; nothing is downloaded."""

import torch
from torch import nn
from typing_extensions import override

from trifocal.api.techniques import Architecture
from trifocal.artifacts.failure import RefusedError
from trifocal.optimizer.formats.architecture import build
from trifocal.optimizer.recipe import Student
from trifocal.optimizer.runtimes.backend import BuildError

_RGB = 3


class Fitted(nn.Module):
    """A network of another library with the source's layout and kind of answers."""

    def __init__(self, network: nn.Module, *, channels_last: bool, probabilities: bool) -> None:
        """Wrap a network that takes [batch, channels, height, width] and answers logits."""
        super().__init__()
        self.network = network
        self.channels_last = channels_last
        self.probabilities = probabilities

    @override
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Answer a batch in the source's layout."""
        planes = x.permute(0, 3, 1, 2) if self.channels_last else x
        answers: torch.Tensor = self.network(planes)
        return answers.softmax(1) if self.probabilities else answers


def build_student(
    student: Student, source: torch.Tensor, example: torch.Tensor, *, probabilities: bool
) -> nn.Module:
    """An untrained student for a source that gave these answers to `example`.

    Raises:
        BuildError: There is no such network, or it cannot take these images.
    """
    if source.dim() != 2:  # noqa: PLR2004 - [batch, classes]
        raise BuildError(
            f"{student.name} classifies, and the model's answers have the shape "
            f"{list(source.shape[1:])}; students are for classification, prune this model instead"
        )
    architecture = Architecture(library=student.library, name=student.architecture)
    try:
        network = build(architecture, source.shape[1])
    except RefusedError as error:
        raise BuildError(str(error)) from error
    last = example.shape[-1] in {1, _RGB} and example.shape[1] not in {1, _RGB}
    _fit_channels(network, example.shape[-1] if last else example.shape[1])
    fitted = Fitted(network, channels_last=last, probabilities=probabilities).eval()
    _check_runs(fitted, student, source, example)
    return fitted


def _fit_channels(network: nn.Module, channels: int) -> None:
    """Give the first convolution as many inputs as the images have."""
    for parent in network.modules():
        for name, layer in parent.named_children():
            if isinstance(layer, nn.Conv2d):
                if layer.in_channels == _RGB and channels != _RGB:
                    setattr(parent, name, _with_inputs(layer, channels))
                return


def _with_inputs(layer: nn.Conv2d, channels: int) -> nn.Conv2d:
    return nn.Conv2d(
        channels,
        layer.out_channels,
        layer.kernel_size,  # type: ignore[arg-type]
        layer.stride,  # type: ignore[arg-type]
        layer.padding,  # type: ignore[arg-type]
        layer.dilation,  # type: ignore[arg-type]
        bias=layer.bias is not None,
    )


def _check_runs(
    fitted: nn.Module, student: Student, source: torch.Tensor, example: torch.Tensor
) -> None:
    try:
        with torch.no_grad():
            found = fitted(example)
    except Exception as error:
        line = (str(error).strip().splitlines() or [""])[0][:200]
        raise BuildError(
            f"{student.name} does not take images of {list(example.shape[1:])}: {line}"
        ) from error
    if found.shape != source.shape:
        raise BuildError(
            f"{student.name} answers {list(found.shape[1:])} instead of {list(source.shape[1:])}"
        )
