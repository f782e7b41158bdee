"""The target tensorrt: builds engines on the GPU that serves them, and runs them there."""

import importlib
import os
import platform
import sys
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path

from typing_extensions import override

from trifocal.api.techniques import Precision
from trifocal.optimizer.importing import ImportedModel
from trifocal.optimizer.runtimes.backend import (
    Backend,
    ModelRunError,
    Order,
    Product,
    Runner,
)
from trifocal.optimizer.runtimes.tensorrt.api import Module
from trifocal.optimizer.runtimes.tensorrt.cuda import Cuda, Driver
from trifocal.optimizer.runtimes.tensorrt.engine import (
    Engine,
    EngineBuilder,
    Settings,
    batch_profile,
)
from trifocal.optimizer.runtimes.tensorrt.failure import skipped_kernels
from trifocal.optimizer.runtimes.tensorrt.parsing import closed_model
from trifocal.optimizer.runtimes.tensorrt.place import Place
from trifocal.optimizer.runtimes.tensorrt.runner import EngineRunner
from trifocal.optimizer.runtimes.tensorrt.timing_cache import TimingCache
from trifocal.optimizer.runtimes.tensorrt.typed_model import TYPED, TYPED_AT
from trifocal.triton.tensorrt import EngineOrigin

RELEASE_VARIABLE = "TRIFOCAL_TRITON_RELEASE"
"""Set in the optimizer's image with TensorRT: NVIDIA's release that its base is of, as 26.07."""
_DEFAULT = Settings()
_WARNINGS = 10
"""Distinct warnings in the report."""


def installed(cache: Path) -> "TensorRT":
    """The `tensorrt` of this image; `cache` is a folder for timing caches.

    Raises:
        ImportError: There is none.
    """
    trt: Module = importlib.import_module("tensorrt")
    return TensorRT(trt, Driver, cache, release=os.environ.get(RELEASE_VARIABLE))


class TensorRT(Backend):
    """One installed TensorRT and, where there is one, the GPU of this machine."""

    def __init__(
        self,
        trt: Module,
        cuda: Callable[[], Cuda],
        cache: Path,
        *,
        settings: Settings = _DEFAULT,
        release: str | None = None,
    ) -> None:
        """Nothing is loaded yet.

        Args:
            trt: `tensorrt`, or a package with the same API.
            cuda: Opens the GPU, or raises ModelRunError.
            cache: Folder for timing caches; may outlive the Job.
            settings: How engines are built.
            release: Release of NVIDIA's container that this is, if known.
        """
        self._trt = trt
        self._open = cuda
        self._cache = cache
        self._settings = settings
        self._release = release

    @property
    @override
    def precisions(self) -> frozenset[Precision]:
        """Those that are written into the ONNX file: engines are strongly typed."""
        return frozenset(TYPED)

    @property
    @override
    def suffix(self) -> str:
        """As Triton expects it."""
        return ".plan"

    @override
    def version(self) -> str:
        """With the GPU in it: an engine of another one is another file."""
        return str(self._place)

    @override
    def build(self, order: Order, target: Path) -> Product:
        """Build an engine.

        Raises:
            BuildError: It cannot be built.
            WorkError: The calibration data are unreadable.
        """
        model = order.model
        typed = TYPED[order.recipe.precision](order)
        engine = EngineBuilder(
            self._trt, TimingCache(self._cache, self._place), self._settings
        ).build(
            closed_model(typed.path, model.input_shape),
            model.input,
            batch_profile(model.input_shape, order.max_batch, model.fixed_batch),
            lambda share, detail: order.report(TYPED_AT + (1 - TYPED_AT) * share, detail),
        )
        target.write_bytes(engine.plan)
        return Product(
            path=target, notes=(*typed.notes, *_notes(engine)), facts=self._facts(engine)
        )

    @override
    def load(self, path: Path, model: ImportedModel, threads: int) -> Runner:
        """Load an engine; `threads` has no meaning on a GPU.

        Raises:
            ModelRunError: There is no GPU here, or it refuses the engine.
        """
        return EngineRunner(self._trt, path.read_bytes(), self._gpu, model.output)

    @cached_property
    def _gpu(self) -> Cuda:
        return self._open()

    @cached_property
    def _place(self) -> Place:
        try:
            device = self._gpu.device()
        except ModelRunError:
            device = None
        return Place(
            library=self._trt.__name__.removesuffix("_bindings"),
            version=self._trt.__version__,
            platform=f"{sys.platform}-{platform.machine()}",
            device=device,
        )

    def _facts(self, engine: Engine) -> Mapping[str, object]:
        place = self._place
        origin = EngineOrigin(
            tensorrt=place.version,
            triton_release=self._release,
            gpu=place.device.product if place.device else None,
            compute_capability=place.device.compute_capability if place.device else None,
            cuda=place.device.cuda if place.device else None,
            platform=place.platform,
        )
        return {
            "engine": origin.model_dump(mode="json", by_alias=True),
            "layers": engine.layers,
            "workspaceBytes": engine.workspace_bytes,
            "optimizationLevel": self._settings.optimization_level,
            "warnings": list(dict.fromkeys(engine.messages.warnings))[:_WARNINGS],
        }


def _notes(engine: Engine) -> tuple[str, ...]:
    skipped = skipped_kernels(engine.messages)
    if not skipped:
        return ()
    text = (
        f"TensorRT left out {skipped} kernels for want of GPU memory; let the build have the GPU "
        "to itself, and the engine may be faster."
    )
    return (text,)
