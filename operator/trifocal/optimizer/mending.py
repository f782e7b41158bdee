"""Gives an int8 candidate that misses its gate a second chance: its worst layers stay in float."""

from dataclasses import replace

from trifocal.optimizer.exploring import Trial
from trifocal.optimizer.recipe import Recipe
from trifocal.optimizer.runtimes.backend import BuildError, ModelRunError
from trifocal.optimizer.workshop import Materials

IMAGES = 4
"""On which the layers' errors are compared: enough to rank them."""


def mended(trial: Trial, materials: Materials) -> Recipe | None:
    """The recipe with the layers named that lose most; None where that is no way."""
    count = materials.request.quantization.float_layers
    recipe, entry, calibration = trial.recipe, trial.entry, materials.calibration
    if (
        not count
        or (recipe.runtime, recipe.precision) != ("onnxruntime", "int8")
        or recipe.keep_float
        or recipe.compression is not None
        or entry is None
        or calibration is None
    ):
        return None
    from trifocal.optimizer.quantization.fallback import worst_layers  # noqa: PLC0415 - heavy

    tensors = [calibration.read(path)[None] for path in calibration.images[:IMAGES]]
    try:
        layers = worst_layers(materials.model.path, entry.path, tensors, count)
    except (BuildError, ModelRunError):  # it has missed its gate already: there is nothing to add
        return None
    return replace(recipe, keep_float=layers) if layers else None
