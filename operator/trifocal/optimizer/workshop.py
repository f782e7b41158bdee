"""Builds candidates from recipes. What the store holds already is not built again."""

import errno
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TypeVar

from trifocal.api.target import Runtime
from trifocal.artifacts.failure import WorkError
from trifocal.optimizer.calibration import Calibration
from trifocal.optimizer.candidate_cache import CandidateCache, Entry
from trifocal.optimizer.contract import OptimizationRequest
from trifocal.optimizer.importing import MAX_MODEL_BYTES, ImportedModel
from trifocal.optimizer.recipe import Compression, Recipe
from trifocal.optimizer.runtimes.backend import Backend, BuildError, Order
from trifocal.optimizer.search.keys import candidate_key, network_key
from trifocal.optimizer.training import Lesson

T = TypeVar("T")
Report = Callable[[float, str], None]
REUSED = "reused"
"""Fact of a candidate that an earlier optimization has built."""
SKETCH_IMAGES = 8
"""Images that a sketch is calibrated with: its ranges are rough, its structure is real."""


@dataclass(frozen=True, kw_only=True)
class Materials:
    """What every candidate is made from."""

    request: OptimizationRequest
    model: ImportedModel
    calibration: Calibration | None
    lesson: Lesson | None


class Workshop:
    """Builds for every runtime, in one scratch folder."""

    def __init__(
        self,
        materials: Materials,
        backends: Mapping[Runtime, Backend],
        cache: CandidateCache,
        folder: Path,
    ) -> None:
        self._materials = materials
        self._backends = backends
        self._cache = cache
        self._folder = folder
        self._networks: dict[Compression, Entry] = {}
        self._sketched: dict[Compression, ImportedModel] = {}
        self._count = 0

    @property
    def materials(self) -> Materials:
        """What every candidate is made from."""
        return self._materials

    def build(self, recipe: Recipe, report: Report) -> Entry:
        """The candidate's file, trained and calibrated as its recipe says.

        Raises:
            BuildError: It cannot be built.
            WorkError: Data are unreadable, or the store.
            MemoryError, OSError: The machine has not enough.
        """
        backend = self._backends[recipe.runtime]
        target = self._file(f"{recipe.runtime}-{recipe.name}{backend.suffix}")
        key = self.key(recipe)
        found = self._cache.find(key, target)
        if found is not None:
            return replace(found, facts={**found.facts, REUSED: True})
        network = self._network(recipe.compression, report)
        order = self._order(recipe, _model_at(self._materials.model, network), report)
        entry = _built(backend, order, target)
        if network is not None:
            entry = Entry(
                path=entry.path,
                notes=(*network.notes, *entry.notes),
                facts={**network.facts, **entry.facts},
            )
        self._cache.keep(key, entry)
        return entry

    def sketch(self, recipe: Recipe) -> Path:
        """A file of the same structure as the candidate's, untrained and roughly calibrated.

        Raises:
            BuildError: It cannot be built.
            WorkError, MemoryError, OSError: As for `build`.
        """
        backend = self._backends[recipe.runtime]
        target = self._file(f"{recipe.runtime}-{recipe.name}-sketch{backend.suffix}")
        order = self._order(recipe, self._skeleton(recipe.compression), _silent)
        return _built(backend, replace(order, calibration=self._few_images()), target).path

    def key(self, recipe: Recipe) -> str:
        """Under which the store keeps the candidate."""
        version = self._backends[recipe.runtime].version()
        return candidate_key(self._materials.request, recipe, version)

    def _order(self, recipe: Recipe, model: ImportedModel, report: Report) -> Order:
        folder = self._file("work")
        folder.mkdir()
        return Order(
            model=model,
            recipe=recipe,
            calibration=self._materials.calibration,
            max_batch=self._materials.request.batching.max_batch_size,
            folder=folder,
            lesson=self._materials.lesson,
            report=report,
        )

    def _network(self, compression: Compression | None, report: Report) -> Entry | None:
        """The trained smaller network as ONNX; None for the source's own."""
        if compression is None:
            return None
        if compression not in self._networks:
            self._networks[compression] = self._trained(compression, report)
        return self._networks[compression]

    def _trained(self, compression: Compression, report: Report) -> Entry:
        target = self._file(f"{compression.name}.onnx")
        key = network_key(self._materials.request, compression)
        found = self._cache.find(key, target)
        if found is not None:
            return found
        lesson = self._lesson()
        from trifocal.optimizer.compression.compress import compress  # noqa: PLC0415 - heavy

        folder = self._file("training")
        folder.mkdir()
        compressed = _buildable(
            lambda: compress(
                self._materials.model,
                compression,
                lesson,
                len(self._materials.request.model.labels),
                folder,
                report,
            )
        )
        entry = Entry(
            path=compressed.model.path,
            notes=compressed.notes,
            facts={"effect": asdict(compressed.effect)},
        )
        self._cache.keep(key, entry)
        return entry

    def _skeleton(self, compression: Compression | None) -> ImportedModel:
        if compression is None:
            return self._materials.model
        if compression not in self._sketched:
            from trifocal.optimizer.compression.compress import (  # noqa: PLC0415 - heavy
                skeleton,
            )

            folder = self._file("skeleton")
            folder.mkdir()
            labels = len(self._materials.request.model.labels)
            model = self._materials.model
            path = _buildable(lambda: skeleton(model, compression, labels, folder))
            self._sketched[compression] = _at(model, path)
        return self._sketched[compression]

    def _few_images(self) -> Calibration | None:
        """For calibrating a sketch: images to train on do as well, because nobody judges it."""
        lesson = self._materials.lesson
        found = self._materials.calibration or (None if lesson is None else lesson.data)
        if found is None:
            return None
        return Calibration(images=found.images[:SKETCH_IMAGES], read=found.read)

    def _lesson(self) -> Lesson:
        if self._materials.lesson is None:
            raise BuildError(
                "it has to be trained, and spec.optimization.datasets.training is unset"
            )
        return self._materials.lesson

    def _file(self, name: str) -> Path:
        """A path that nothing else uses."""
        self._count += 1
        folder = self._folder / f"{self._count:03}"
        folder.mkdir()
        return folder / name


def _built(backend: Backend, order: Order, target: Path) -> Entry:
    product = _buildable(lambda: backend.build(order, target))
    if product.path.stat().st_size > MAX_MODEL_BYTES:
        raise BuildError("its file is larger than 2 GiB")
    return Entry(path=product.path, notes=product.notes, facts=product.facts)


def _buildable(build: Callable[[], T]) -> T:
    """Converters raise whatever they met in the graph; here it becomes a sentence.

    Raises:
        BuildError: It cannot be built.
        WorkError, MemoryError, OSError: Not the graph's fault.
    """
    try:
        return build()
    except (BuildError, WorkError, MemoryError):
        raise
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise
        raise BuildError(f"it could not be built: {error}") from error
    except Exception as error:
        line = (str(error).strip().splitlines() or [""])[0]
        raise BuildError(
            f"it could not be built: {type(error).__name__} {line[:300]}".rstrip()
        ) from error


def _model_at(model: ImportedModel, network: Entry | None) -> ImportedModel:
    return model if network is None else _at(model, network.path)


def _at(model: ImportedModel, path: Path) -> ImportedModel:
    """The same contract in another file, which takes any batch."""
    return replace(model, path=path, fixed_batch=None)


def _silent(_share: float, _detail: str) -> None:
    """Sketches take seconds; nobody is told."""
