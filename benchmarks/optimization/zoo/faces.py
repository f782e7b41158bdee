"""Faces: MTCNN's refinement network, from facenet-pytorch's weights; labelled real patches."""

import io
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from typing_extensions import override

from benchmarks.optimization.packages import FACENET, read_member
from benchmarks.optimization.zoo.model import Picture, ZooModel, spec, write_archive
from benchmarks.optimization.zoo.photographs import FACES, patches

SIDE = 24
LABELS = ("other", "face")
CALIBRATION = 0.3
"""Share of the patches of each kind; the others judge."""


def rnet(num_classes: int) -> Any:
    """The network with its class probabilities alone, named as the package's weights are."""
    import torch  # noqa: PLC0415 - heavy
    from torch import nn  # noqa: PLC0415 - heavy

    class RefinementNet(nn.Module):
        """Zhang et al. 2016, figure 2, without the box regression."""

        def __init__(self) -> None:
            super().__init__()
            self.conv1, self.prelu1 = nn.Conv2d(3, 28, 3), nn.PReLU(28)
            self.pool1 = nn.MaxPool2d(3, 2, ceil_mode=True)
            self.conv2, self.prelu2 = nn.Conv2d(28, 48, 3), nn.PReLU(48)
            self.pool2 = nn.MaxPool2d(3, 2, ceil_mode=True)
            self.conv3, self.prelu3 = nn.Conv2d(48, 64, 2), nn.PReLU(64)
            self.dense4, self.prelu4 = nn.Linear(576, 128), nn.PReLU(128)
            self.dense5_1 = nn.Linear(128, num_classes)

        @override
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = self.pool1(self.prelu1(self.conv1(x)))
            x = self.pool2(self.prelu2(self.conv2(x)))
            x = self.prelu3(self.conv3(x))
            x = x.permute(0, 3, 2, 1).flatten(1)
            return torch.softmax(self.dense5_1(self.prelu4(self.dense4(x))), dim=1)

    return RefinementNet()


def prepare(folder: Path) -> ZooModel:
    """The weights as safetensors, and the patches."""
    source = folder / "rnet.safetensors"
    _convert(source)
    pixels = patches()
    evaluation, calibration = _split(pixels)
    return ZooModel(
        name="faces",
        spec=spec(
            source,
            format="torch-weights",
            architecture={
                "library": "factory",
                "name": "benchmarks.optimization.zoo.faces:rnet",
            },
            task="classification",
            inputs=[{"name": "image", "shape": [3, SIDE, SIDE]}],
            preprocessing={"scale": 0.0078125, "mean": [0.99609375]},
            labels=LABELS,
        ),
        source=source,
        evaluation=write_archive(folder / "evaluation.tar", _pictures(pixels, evaluation)),
        calibration=write_archive(folder / "calibration.tar", _pictures(pixels, calibration)),
        truth="real faces and other patches, labelled",
    )


def _convert(target: Path) -> None:
    import torch  # noqa: PLC0415 - heavy
    from safetensors.torch import save_file  # noqa: PLC0415 - heavy

    content = io.BytesIO(read_member(FACENET, "facenet_pytorch/data/rnet.pt"))
    weights = torch.load(content, weights_only=True)
    kept = {name: w.contiguous() for name, w in weights.items() if "5_2" not in name}
    save_file(kept, target)


def _split(pixels: NDArray[np.uint8]) -> tuple[list[int], list[int]]:
    rng = np.random.default_rng(0)
    kinds = (rng.permutation(FACES), FACES + rng.permutation(len(pixels) - FACES))
    calibration = [int(i) for kind in kinds for i in kind[: int(len(kind) * CALIBRATION)]]
    evaluation = [int(i) for kind in kinds for i in kind[int(len(kind) * CALIBRATION) :]]
    return evaluation, calibration


def _pictures(pixels: NDArray[np.uint8], positions: Iterable[int]) -> Iterator[Picture]:
    for position in positions:
        image = Image.fromarray(pixels[position]).resize((SIDE, SIDE)).convert("RGB")
        label = LABELS[int(position < FACES)]
        yield Picture(name=f"{position:03}.png", image=image, columns={"label": label})
