"""A lesson small enough for tests: scikit-learn's 8 x 8 digits and a network that reads them."""

import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from torch import nn

from tests.support.small_networks import plain
from trifocal.api.techniques import Distillation, FineTuning
from trifocal.optimizer.importing import ImportedModel
from trifocal.optimizer.torch_graph.parity import answers
from trifocal.optimizer.torch_graph.to_onnx import to_onnx
from trifocal.optimizer.training import Lesson, TrainingData

# Modules of the example, importable as for its script, which lies beside them.
sys.path.insert(0, str(Path(__file__).parents[4] / "examples" / "page-orientation"))

Images = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Digits:
    """Images, their classes, and a model that was trained on the first of them."""

    model: ImportedModel
    images: Images
    truths: NDArray[np.int64]
    learned: int
    """The first so many may be trained on."""

    def accuracy(self, path: Path) -> float:
        """Share of right answers on images that no training saw."""
        given = answers(path, self.model.output, self.images[self.learned :])
        return float((given.argmax(1) == self.truths[self.learned :]).mean())

    def lesson(self, *, labelled: bool = True, count: int | None = None, **tuning: float) -> Lesson:
        """A lesson with the model itself as the teacher."""
        known = range(count or self.learned)
        return Lesson(
            data=TrainingData(
                images=[Path(str(at)) for at in known],
                truths=[int(self.truths[at]) for at in known] if labelled else None,
                read=lambda path: self.images[int(path.name)],
            ),
            teacher=self.model.path,
            distillation=Distillation(),
            fine_tuning=FineTuning.model_validate({"epochs": 6, "learning_rate": 2e-3, **tuning}),
        )


@pytest.fixture(scope="session", autouse=True)
def _imports() -> None:
    """Libraries whose import warns of what only their developers can change."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import torch_pruning  # noqa: F401, PLC0415 - heavy


@pytest.fixture(scope="session", name="digits")
def _digits(tmp_path_factory: pytest.TempPathFactory) -> Digits:
    found = load_digits()
    order = np.random.default_rng(0).permutation(len(found.target))
    images = (found.images[order, None] / 16).astype(np.float32)
    truths = found.target[order].astype(np.int64)
    network = _trained(images[:1200], truths[:1200])
    path = tmp_path_factory.mktemp("digits") / "model.onnx"
    to_onnx(network, images[:2], "image", "scores", path)
    model = ImportedModel(
        path=path, input="image", input_shape=(1, 8, 8), output="scores", fixed_batch=None
    )
    return Digits(model=model, images=images, truths=truths, learned=1200)


def _trained(images: Images, truths: NDArray[np.int64]) -> nn.Module:
    torch.manual_seed(0)
    network = plain(channels=32).train()
    optimizer = torch.optim.Adam(network.parameters(), 2e-3)
    for _ in range(8):
        for batch in torch.split(torch.randperm(len(images)), 64):
            answer = network(torch.from_numpy(images[batch.numpy()]))
            loss = nn.functional.cross_entropy(answer, torch.from_numpy(truths[batch.numpy()]))
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
    return network.eval()


@pytest.fixture(name="told")
def _told() -> list[tuple[float, str]]:
    """What was reported."""
    return []


@pytest.fixture(name="report")
def _report(told: list[tuple[float, str]]) -> Callable[[float, str], None]:
    return lambda share, detail: told.append((share, detail))
