"""A network that 8-bit numbers break: digits of scikit-learn, channels of very unequal ranges.

Nagel et al. 2019 (Data-Free Quantization Through Weight Equalization and Bias Correction) show that
depthwise-separable networks fail when one scale serves a whole tensor, because the ranges of their
channels differ by orders of magnitude. Trained on 8x8 digits they differ little, so the channels
are scaled here by powers of ten, and the layer after undoes it: in float nothing changes.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from torch import nn

from trifocal.api.techniques import Distillation, FineTuning
from trifocal.optimizer.calibration import Calibration
from trifocal.optimizer.compression.qat_graph import quiet
from trifocal.optimizer.importing import ImportedModel
from trifocal.optimizer.training import Lesson, TrainingData

TRAINING = 1000
"""Images to learn from; the other 797 judge."""
DECADES = 0.75
"""Channels are scaled by 10 to the power of -0.75 to 0.75."""
EPOCHS = 30


@dataclass(frozen=True, kw_only=True)
class UnequalDigits:
    """The source model, its data, and how to read them."""

    model: ImportedModel
    images: NDArray[np.float32]
    """[n, 1, 8, 8], the images that judge."""
    truths: NDArray[np.int64]
    lesson: Lesson
    calibration: Calibration

    def accuracy(self, answers: NDArray[np.float32]) -> float:
        return float((answers.argmax(1) == self.truths).mean())


def unequal_digits(seed: int, folder: Path, fine_tuning: FineTuning) -> UnequalDigits:
    """Train, make unequal, export."""
    images, truths = load_digits(return_X_y=True)
    order = np.random.default_rng(seed).permutation(len(images))
    pixels = (images[order] / 16).astype(np.float32).reshape(-1, 1, 8, 8)
    labels = truths[order].astype(np.int64)
    network = _trained(pixels[:TRAINING], labels[:TRAINING], seed)
    _make_unequal(network, seed)
    path = _exported(network, folder / f"source{seed}.onnx")
    files = tuple(folder / f"{index}.png" for index in range(TRAINING))

    def read(file: Path) -> NDArray[np.float32]:
        image: NDArray[np.float32] = pixels[int(file.stem)]
        return image

    return UnequalDigits(
        model=ImportedModel(
            path=path, input="image", input_shape=(1, 8, 8), output="scores", fixed_batch=None
        ),
        images=pixels[TRAINING:],
        truths=labels[TRAINING:],
        lesson=Lesson(
            data=TrainingData(images=files, truths=labels[:TRAINING].tolist(), read=read),
            teacher=path,
            distillation=Distillation(),
            fine_tuning=fine_tuning,
        ),
        calibration=Calibration(images=files[:128], read=read),
    )


def _trained(pixels: NDArray[np.float32], labels: NDArray[np.int64], seed: int) -> nn.Sequential:
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    network = nn.Sequential(
        *_convolution(1, 16, 3),
        *_convolution(16, 16, 3, groups=16),
        *_convolution(16, 32, 1),
        nn.MaxPool2d(2),
        *_convolution(32, 32, 3, groups=32),
        *_convolution(32, 64, 1),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(64, 10),
    )
    images, truths = torch.from_numpy(pixels), torch.from_numpy(labels)
    optimizer = torch.optim.Adam(network.parameters(), 3e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS)
    for _ in range(EPOCHS):
        for batch in torch.randperm(len(images)).reshape(-1, 50):
            optimizer.zero_grad()
            loss: Any = nn.functional.cross_entropy(network(images[batch]), truths[batch])
            loss.backward()
            optimizer.step()
        schedule.step()
    return network.eval()


def _convolution(before: int, after: int, size: int, groups: int = 1) -> Sequence[nn.Module]:
    convolution = nn.Conv2d(before, after, size, padding=size // 2, groups=groups, bias=False)
    return convolution, nn.BatchNorm2d(after), nn.ReLU()


def _make_unequal(network: nn.Sequential, seed: int) -> None:
    """Scale the channels that enter a convolution, and its weights by the inverse."""
    generator = torch.Generator().manual_seed(seed)
    norms = [layer for layer in network if isinstance(layer, nn.BatchNorm2d)]
    convolutions = [layer for layer in network if isinstance(layer, nn.Conv2d)]
    with torch.no_grad():
        for norm, after in itertools.islice(zip(norms, convolutions[1:], strict=False), 4):
            power = DECADES * (2 * torch.rand(norm.num_features, generator=generator) - 1)
            scale = 10**power
            norm.weight.mul_(scale)
            norm.bias.mul_(scale)
            inverse = (-1, 1, 1, 1) if after.groups > 1 else (1, -1, 1, 1)
            after.weight.div_(scale.view(inverse))


def _exported(network: nn.Module, path: Path) -> Path:
    with quiet():
        program: Any = torch.onnx.export(
            network,
            (torch.zeros(2, 1, 8, 8),),
            dynamo=True,
            dynamic_shapes=({0: torch.export.Dim("batch", min=1, max=4096)},),
            input_names=["image"],
            output_names=["scores"],
            external_data=False,
            verbose=False,
        )
    program.save(path)
    return path
