"""Untrained PyTorch networks with the structures that make graphs hard to read and to prune."""

import torch
from torch import nn
from typing_extensions import override

Tensor = torch.Tensor


def plain(channels: int = 16, classes: int = 10) -> nn.Sequential:
    """Convolutions, BatchNorm and a flattened end, for images [1, 8, 8]."""
    return nn.Sequential(
        nn.Conv2d(1, channels, 3, padding=1, bias=False),
        nn.BatchNorm2d(channels),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(channels, 2 * channels, 3, padding=1),
        nn.BatchNorm2d(2 * channels),
        nn.SiLU(),
        nn.AvgPool2d(2),
        nn.Flatten(),
        nn.Dropout(0.1),
        nn.Linear(8 * channels, classes),
    ).eval()


class Residual(nn.Module):
    """A sum of two ways, a depthwise layer, and attention over channels, for [3, 16, 16]."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 32, 3, stride=2, padding=1)
        self.depthwise = nn.Conv2d(32, 32, 3, padding=1, groups=32)
        self.point = nn.Conv2d(32, 32, 1)
        self.squeeze = nn.Conv2d(32, 16, 1)
        self.excite = nn.Conv2d(16, 32, 1)
        self.head = nn.Linear(32, 5)

    @override
    def forward(self, x: Tensor) -> Tensor:
        x = nn.functional.hardswish(self.stem(x))
        way = self.point(self.depthwise(x).relu())
        weight = self.excite(self.squeeze(way.mean((2, 3), keepdim=True)).relu())
        x = x + way * nn.functional.hardsigmoid(weight)
        answer: Tensor = self.head(x.mean((2, 3)))
        return answer.softmax(1)


class Split(nn.Module):
    """Channels that part and meet again, an enlarged map, and two kinds of numbers in one answer.

    For [3, 16, 16]; answers [24, 64] as detectors do.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 32, 3, stride=2, padding=1)
        self.inner = nn.Conv2d(16, 16, 3, padding=1)
        self.join = nn.Conv2d(48, 32, 1)
        self.down = nn.Conv2d(32, 32, 3, stride=2, padding=1)
        self.boxes = nn.Conv2d(64, 16, 1)
        self.scores = nn.Conv2d(64, 8, 1)

    @override
    def forward(self, x: Tensor) -> Tensor:
        one, other = torch.split(self.stem(x).relu(), 16, 1)
        joined = self.join(torch.cat((one, other, self.inner(other)), 1)).relu()
        small = self.down(joined)
        large = nn.functional.interpolate(small, scale_factor=2.0, mode="nearest")
        both = torch.cat((joined, large), 1)
        return torch.cat((self.boxes(both) * 8, self.scores(both).sigmoid()), 1).flatten(2)
