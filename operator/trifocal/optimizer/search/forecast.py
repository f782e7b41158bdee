"""What is known of a candidate before it is trained, calibrated or judged. Pure.

How long a network takes and how large its file is depends on its structure, not on the values of
its weights: both are measured on an untrained, roughly calibrated build in seconds.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from trifocal.api.techniques import CALIBRATED
from trifocal.optimizer.recipe import Recipe

Aim = Literal["latency", "throughput", "cost", "size", "accuracy"]


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """Figures of an untrained build."""

    milliseconds: float
    """One inference of a batch of one."""
    milliseconds_per_image: float
    """In a full batch."""
    size: int
    """Bytes of the file."""

    def value(self, aim: Aim) -> float:
        """What the aim wants small. Accuracy cannot be foreseen: there it is the latency."""
        if aim == "size":
            return float(self.size)
        if aim in {"throughput", "cost"}:
            return self.milliseconds_per_image
        return self.milliseconds


Forecasts = Mapping[Recipe, Forecast]
"""By family; families that could not be built are absent."""


def family(recipe: Recipe) -> Recipe:
    """The recipe whose untrained build stands for this one: the same structure.

    How ranges were calibrated changes no structure, and neither does training for int8. Scales
    for each channel are more numbers than one for each tensor, and no more work.
    """
    precision = "int8" if recipe.precision == "int8-qat" else recipe.precision
    calibration: Literal["minmax"] | None = "minmax" if precision in CALIBRATED else None
    return replace(
        recipe, precision=precision, calibration=calibration, per_channel=True, keep_float=()
    )
