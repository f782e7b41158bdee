"""Small models of every source format, hostile ones among them, and networks that they are of."""

import json
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import torch
from numpy.typing import NDArray
from typing_extensions import override

from tests.support.tiny_models import SIZE, model_spec
from trifocal.api.model import ModelSpec

CLASSES = 3


def source_spec(source_format: str, *, layout: str = "NCHW", **changes: Any) -> ModelSpec:
    """Of an RGB image of SIZE x SIZE; keywords replace fields."""
    shape = (3, SIZE, SIZE) if layout == "NCHW" else (SIZE, SIZE, 3)
    fields: dict[str, Any] = {
        "format": source_format,
        "inputs": [{"name": "picture", "shape": changes.pop("shape", shape)}],
        "preprocessing": {"layout": layout},
    }
    return model_spec(**{**fields, **changes})


def examples(shape: tuple[int, ...], count: int = 5) -> list[NDArray[np.float32]]:
    """Images of noise."""
    rng = np.random.default_rng(0)
    return [rng.uniform(0, 1, shape).astype(np.float32) for _ in range(count)]


class SmallNetwork(torch.nn.Module):
    """Splits, joins and reshapes by sizes, so that an exported program computes with sizes, too."""

    def __init__(self, num_classes: int = CLASSES) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.filter = torch.nn.Conv2d(3, 4, 3, padding=1)
        self.norm = torch.nn.BatchNorm2d(4)
        self.head = torch.nn.Linear(4, num_classes)

    @override
    def forward(self, image: torch.Tensor) -> torch.Tensor:
        first, second = torch.relu(self.norm(self.filter(image))).chunk(2, dim=1)
        joined = torch.cat([second, first], dim=1)
        flat = joined.reshape(joined.shape[0], 4, joined.shape[2] * joined.shape[3])
        answer: torch.Tensor = self.head(flat.mean(dim=2))
        return answer


def small_network(num_classes: int) -> torch.nn.Module:
    """A factory, as a spec names it."""
    return SmallNetwork(num_classes)


class ProposalNetwork(torch.nn.Module):
    """MTCNN's first stage (Zhang et al. 2016), with facenet-pytorch's names of the weights."""

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.conv1, self.prelu1 = torch.nn.Conv2d(3, 10, 3), torch.nn.PReLU(10)
        self.pool1 = torch.nn.MaxPool2d(2, 2, ceil_mode=True)
        self.conv2, self.prelu2 = torch.nn.Conv2d(10, 16, 3), torch.nn.PReLU(16)
        self.conv3, self.prelu3 = torch.nn.Conv2d(16, 32, 3), torch.nn.PReLU(32)
        self.conv4_1 = torch.nn.Conv2d(32, num_classes, 1)
        self.conv4_2 = torch.nn.Conv2d(32, 4, 1)

    @override
    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        x = self.pool1(self.prelu1(self.conv1(image)))
        x = self.prelu3(self.conv3(self.prelu2(self.conv2(x))))
        return torch.softmax(self.conv4_1(x), dim=1), self.conv4_2(x)


def exported(path: Path, network: torch.nn.Module, *, batch: int = 2, fixed: bool = False) -> Path:
    """A .pt2 file; the batch is open unless it is fixed."""
    example = torch.zeros(batch, 3, SIZE, SIZE)
    open_batch = None if fixed else ({0: torch.export.Dim("batch", min=1, max=64)},)
    program = torch.export.export(network.eval(), (example,), dynamic_shapes=open_batch)
    torch.export.save(program, path)
    return path


class _Touch:
    """Creates a file when it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self._marker = marker

    @override
    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self._marker,))


def hostile_pickle(marker: Path) -> bytes:
    """A pickle that creates `marker` when it is loaded."""
    return pickle.dumps(_Touch(marker))


def repacked(path: Path, target: Path, changed: Mapping[str, bytes]) -> Path:
    """A copy of a zip file, with members replaced or added; names are without the root folder."""
    with ZipFile(path) as source, ZipFile(target, "w") as copy:
        root = source.namelist()[0].split("/")[0]
        members = {name.removeprefix(f"{root}/"): source.read(name) for name in source.namelist()}
        for name, content in {**members, **changed}.items():
            copy.writestr(f"{root}/{name}", content)
    return target


def member(path: Path, name: str) -> Any:
    """A JSON member of a zip file, by its name without the root folder."""
    with ZipFile(path) as archive:
        root = archive.namelist()[0].split("/")[0]
        return json.loads(archive.read(f"{root}/{name}"))
