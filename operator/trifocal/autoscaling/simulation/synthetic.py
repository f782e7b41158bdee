"""Built-in loads by formula, for what no recording shows alone; played like recorded ones."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import repeat
from types import MappingProxyType

import numpy as np

from trifocal.autoscaling.simulation.trace import MINUTE_SECONDS, Trace

PEAK_REQUESTS = 1800.0
"""A minute: 30 a second, which keep 5.4 pods busy at 180 ms. Two days are played in seconds."""
_DAY = 1440
"""Minutes."""


@dataclass(frozen=True, kw_only=True)
class Shape:
    """The mean load of each minute."""

    shares: tuple[float, ...]
    """Of the peak."""
    changes: int
    """How often the load really changes: steps, and ramps from end to end."""


def _days(count: int) -> tuple[float, ...]:
    """From a tenth of the peak at midnight to the peak at noon, as a cosine."""
    return tuple(
        0.1 + 0.9 * (1 - math.cos(2 * math.pi * minute / _DAY)) / 2
        for minute in range(count * _DAY)
    )


def _teeth(count: int) -> tuple[float, ...]:
    """From a fifth of the peak to the peak in an hour, and at once back."""
    return tuple(0.2 + 0.8 * minute / 59 for minute in range(60)) * count


SHAPES: Mapping[str, Shape] = MappingProxyType(
    {
        "diurnal": Shape(shares=_days(2), changes=4),
        "step": Shape(shares=(*repeat(0.25, 60), *repeat(1.0, 120), *repeat(0.25, 60)), changes=2),
        "flash5x": Shape(shares=(*repeat(0.2, 60), *repeat(1.0, 10), *repeat(0.2, 50)), changes=2),
        "sawtooth": Shape(shares=_teeth(4), changes=7),
        "silence": Shape(shares=(*repeat(1.0, 60), *repeat(0.0, 60), *repeat(1.0, 60)), changes=2),
    }
)
"""By name. The last tooth of `sawtooth` does not fall: four ramps and three falls."""


def synthetic(name: str) -> Trace:
    """One job of that shape, as means: a load that is scaled keeps the chance of its new size.

    Raises:
        KeyError: There is no shape of that name.
    """
    requests = PEAK_REQUESTS * np.array(SHAPES[name].shares)
    requests.flags.writeable = False
    return Trace(jobs={name: requests}, step_seconds=MINUTE_SECONDS, by_chance=True)
