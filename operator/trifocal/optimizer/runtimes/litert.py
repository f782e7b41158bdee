"""LiteRT for phones and other devices: .tflite files, computed by XNNPACK on the CPU."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trifocal.api.techniques import CALIBRATED, Precision
from trifocal.optimizer.importing import ImportedModel
from trifocal.optimizer.recipe import Recipe
from trifocal.optimizer.runtimes.backend import BuildError, Order, Product, Runner

_PRECISIONS: frozenset[Precision] = frozenset(
    {"fp32", "fp16", "int8", "int8-dynamic", "int8-weights", "int16"}
)


@dataclass(frozen=True, kw_only=True)
class LiteRT:
    """LiteRT with XNNPACK.

    Files take one image at a time, as devices do, or as many as the graph fixes, in float32 and in
    the graph's own layout, whatever is computed inside. fp16 and int8-weights round the weights
    only. int8-dynamic rounds each image's activations by its own range, and some networks break
    under that where int8-weights of the same size keeps its answers. int16 has 16 bit activations
    and 8 bit weights.
    """

    _floats: dict[str, bytes] = field(default_factory=dict, repr=False, compare=False)
    """The last network in float32, by its file's digest: every precision starts from it."""

    @property
    def precisions(self) -> frozenset[Precision]:
        """What it can execute here."""
        return _PRECISIONS

    @property
    def suffix(self) -> str:
        """Of its files."""
        return ".tflite"

    def version(self) -> str:
        """Of the runtime and of what builds for it."""
        names = ("ai-edge-litert", "litert-torch", "litert-quantizer", "torch")
        return ", ".join(f"{name} {version(name)}" for name in names)

    def build(self, order: Order, target: Path) -> Product:
        """Write the candidate's file.

        Raises:
            BuildError: An operator has no form in LiteRT, or nothing could be quantized.
            WorkError: The calibration data are unreadable.
        """
        precision = order.recipe.precision
        if precision not in _PRECISIONS:
            raise BuildError(
                f"LiteRT has no {precision}; use one of {', '.join(sorted(_PRECISIONS))}."
            )
        if order.recipe.keep_float:
            raise BuildError(
                "LiteRT's quantizer does not know layers by their names in the ONNX file, so that "
                "none can stay in float; choose int8-weights where int8 loses too much."
            )
        images = _images(order)
        order.report(0.0, "converting")
        whole = self._float(order.model)
        if precision == "fp32":
            target.write_bytes(whole)
            return Product(path=target, facts={"bytes": len(whole)})
        order.report(0.5, "quantizing")
        product = _quantized(whole, images, order.recipe, target)
        order.report(1.0, "quantized")
        return product

    def load(self, path: Path, model: ImportedModel, threads: int) -> Runner:
        """Load a file with so many threads.

        Raises:
            ModelRunError: LiteRT refuses the file.
        """
        from trifocal.optimizer.runtimes.litert_runner import LiteRTRunner  # noqa: PLC0415 - heavy

        del model  # the file has one input and one output
        return LiteRTRunner(path.read_bytes(), threads)

    def _float(self, model: ImportedModel) -> bytes:
        from trifocal.optimizer.runtimes.litert_conversion import convert  # noqa: PLC0415 - heavy

        key = f"{hashlib.sha256(model.path.read_bytes()).hexdigest()} {model.output}"
        if key not in self._floats:
            converted = convert(model)
            self._floats.clear()
            self._floats[key] = converted
        return self._floats[key]


def _quantized(
    whole: bytes, images: Iterable[NDArray[np.float32]], recipe: Recipe, target: Path
) -> Product:
    from trifocal.optimizer.runtimes.litert_effect import checked_effect  # noqa: PLC0415 - heavy
    from trifocal.optimizer.runtimes.litert_quantization import (  # noqa: PLC0415 - heavy
        quantize,
    )

    small = quantize(whole, recipe.precision, images, per_channel=recipe.per_channel)
    effect = checked_effect(whole, small, recipe.precision)
    target.write_bytes(small)
    return Product(path=target, facts=effect)


def _images(order: Order) -> Iterable[NDArray[np.float32]]:
    """Calibration images in batches of the file's size; none where none are needed."""
    recipe = order.recipe
    if recipe.precision not in CALIBRATED:
        return ()
    if recipe.calibration not in {None, "minmax"}:
        raise BuildError(
            f"LiteRT's quantizer does not calibrate by {recipe.calibration}; use minmax for it."
        )
    if order.calibration is None or not order.calibration.images:
        raise BuildError(
            f"{recipe.precision} needs images to calibrate with; name an archive of them in "
            f"spec.optimization.datasets.calibration."
        )
    size = order.model.fixed_batch or 1
    return (np.repeat(image, size, axis=0) for image in order.calibration.tensors())
