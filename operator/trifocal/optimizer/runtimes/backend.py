"""What the optimizer must know about a runtime: a Protocol, one module per runtime."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from numpy.typing import NDArray

from trifocal.api.techniques import Precision
from trifocal.optimizer.calibration import Calibration
from trifocal.optimizer.importing import ImportedModel
from trifocal.optimizer.recipe import Recipe
from trifocal.optimizer.training import Lesson


class Runner(Protocol):
    """A loaded model."""

    def run(self, batch: NDArray[Any]) -> NDArray[Any]:
        """Answers [batch, ...] for float32 inputs [batch, ...] of any batch size.

        Raises:
            ModelRunError: The runtime refuses.
        """


class ModelRunError(Exception):
    """The runtime cannot load or run a model; `str()` is its first line."""


class BuildError(Exception):
    """A candidate cannot be built; `str()` is one sentence: what is wrong, and what to change."""


@dataclass(frozen=True, kw_only=True)
class Order:
    """One candidate to build."""

    model: ImportedModel
    """Canonical ONNX, compressed already where the recipe says so."""
    recipe: Recipe
    calibration: Calibration | None
    max_batch: int
    folder: Path
    """An empty folder for intermediate files."""
    lesson: Lesson | None = None
    """What int8-qat trains on; None where the spec names no training data."""
    report: Callable[[float, str], None]
    """Told the share that is done and, in a few words, what is being done."""


@dataclass(frozen=True, kw_only=True)
class Product:
    """What a runtime loads, and what is worth knowing about how it came to be."""

    path: Path
    notes: tuple[str, ...] = ()
    """Sentences for the report: layers kept in float, ranges that clip, operators not delegated."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """Figures for the report."""


class Backend(Protocol):
    """One runtime."""

    @property
    def precisions(self) -> frozenset[Precision]:
        """What it can execute here."""

    def build(self, order: Order, target: Path) -> Product:
        """Write the candidate's file at `target` (its suffix is `suffix`).

        Raises:
            BuildError: It cannot be built.
            WorkError: The calibration data are unreadable.
        """

    def load(self, path: Path, model: ImportedModel, threads: int) -> Runner:
        """Load a built file; answers are those of `model.output`.

        Raises:
            ModelRunError: The runtime refuses the file.
        """

    @property
    def suffix(self) -> str:
        """Of its files: .onnx, .tflite, .pte or .plan."""

    def version(self) -> str:
        """Name and version of the runtime and of what builds for it, for the report and keys."""
