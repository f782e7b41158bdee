"""Which candidate is tried next, and when no other is worth a trial. Pure.

A trial trains or calibrates a candidate and judges it on all data; that is what costs. A forecast
costs seconds. So the search goes from the best forecast downwards and stops at the first candidate
that proves itself: whatever comes later would be slower. Three rules save trials:

1. A smaller network proves itself in float before any fewer-bits version of it is tried. One that
   misses the gate gets a second chance, once nothing else is worth a trial: with 8 bits between
   its layers it answers otherwise than in float, and on few images that decides a narrow miss.
2. What is not forecast to beat the best so far is never tried: by more than the noise or, where
   both are as good within the noise, by a smaller file.
3. A family (same structure, other calibration) gets a few tries, not all.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from trifocal.optimizer.recipe import Recipe
from trifocal.optimizer.search.forecast import Aim, Forecast, Forecasts, family

SHARE_OF_GRID = 0.25
"""Trials that the automatic search may take of those that the grid has."""
MIN_TRIALS = 3
NOISE = 0.05
"""Share by which two forecasts of the same thing differ: one session of a model is not the next."""
TRIES_PER_FAMILY = 3
_FLOAT = ("fp32", "fp16")
_COARSE_VALUES = ("int8", "int8-qat")
"""Precisions that round the values between layers to 256 steps of one range. With 65,536 steps, or
a range for each image, a network answers as in float: of 32 pages of the slice that the half page
orientation network misses it agrees on 25 in float, 25 or 26 in those, 27 or 28 in these."""


class Verdict(StrEnum):
    """What became of a trial."""

    PASSED = "passed"
    MISSED = "missed"
    """The gate."""
    FAILED = "failed"
    """It could not be built or run."""


@dataclass(frozen=True, kw_only=True)
class Field:
    """Everything that the search decides from."""

    recipes: Sequence[Recipe]
    """The grid, simplest first."""
    forecasts: Forecasts
    source: Forecast | None
    """Of the source itself, where this target can serve it as it is."""
    aim: Aim


def budget(recipes: Sequence[Recipe]) -> int:
    """Trials that the automatic search may take."""
    return min(len(recipes), max(MIN_TRIALS, int(len(recipes) * SHARE_OF_GRID)))


def next_trial(field: Field, tried: Mapping[Recipe, Verdict]) -> Recipe | None:
    """The most promising candidate, or None when none is worth a trial."""
    if len(tried) >= budget(field.recipes):
        return None
    promising = [recipe for recipe in field.recipes if _is_promising(recipe, field, tried)]
    sound = [recipe for recipe in promising if _is_sound(recipe, tried)]
    open_to_try = sound or [r for r in promising if _has_second_chance(r, tried)]
    if not open_to_try:
        return None
    best = min(open_to_try, key=lambda recipe: _rank(recipe, field))
    return _prerequisite(best, field, tried) or best


def _is_promising(recipe: Recipe, field: Field, tried: Mapping[Recipe, Verdict]) -> bool:
    if recipe in tried or family(recipe) not in field.forecasts:
        return False
    relatives = [verdict for other, verdict in tried.items() if family(other) == family(recipe)]
    if Verdict.PASSED in relatives or len(relatives) >= TRIES_PER_FAMILY:
        return False
    best = _best_so_far(field, tried)
    return field.aim == "accuracy" or best is None or _beats(_known(recipe, field), best, field.aim)


def _in_float(recipe: Recipe) -> Recipe:
    """The same network as it is trained, whose training every fewer-bits version shares."""
    return Recipe(runtime=recipe.runtime, precision="fp32", compression=recipe.compression)


def _is_sound(recipe: Recipe, tried: Mapping[Recipe, Verdict]) -> bool:
    """Whether nothing speaks against a smaller network yet; the whole one is the source's."""
    return recipe.compression is None or tried.get(_in_float(recipe)) in {None, Verdict.PASSED}


def _has_second_chance(recipe: Recipe, tried: Mapping[Recipe, Verdict]) -> bool:
    """One for each network that was built and missed."""
    is_near = tried.get(_in_float(recipe)) is Verdict.MISSED
    if recipe.compression is None or recipe.precision not in _COARSE_VALUES or not is_near:
        return False
    return not any(
        other.compression == recipe.compression and other.precision in _COARSE_VALUES
        for other in tried
    )


def _prerequisite(recipe: Recipe, field: Field, tried: Mapping[Recipe, Verdict]) -> Recipe | None:
    """The network in float, where that has not been tried: it shares the training."""
    if recipe.compression is None or recipe.precision in _FLOAT:
        return None
    plain = _in_float(recipe)
    return plain if plain in field.recipes and plain not in tried else None


def _best_so_far(field: Field, tried: Mapping[Recipe, Verdict]) -> Forecast | None:
    """The source stands where it can be served; so does whatever passed."""
    best = field.source
    for recipe, verdict in tried.items():
        known = _known(recipe, field)
        if verdict is Verdict.PASSED and (best is None or _beats(known, best, field.aim)):
            best = known
    return best


def _beats(one: Forecast, best: Forecast, aim: Aim) -> bool:
    """As the choice will see it: clearly better, or as good with a smaller file."""
    if one.value(aim) < best.value(aim) * (1 - NOISE):
        return True
    return one.value(aim) <= best.value(aim) * (1 + NOISE) and one.size < best.size * (1 - NOISE)


def _known(recipe: Recipe, field: Field) -> Forecast:
    return field.forecasts[family(recipe)]


def _rank(recipe: Recipe, field: Field) -> tuple[float, int, int]:
    """Best forecast first, then least effort, then the simplest. For accuracy the simplest."""
    position = list(field.recipes).index(recipe)
    if field.aim == "accuracy":
        return (0.0, 0, position)
    return (_known(recipe, field).value(field.aim), _effort(recipe), position)


def _effort(recipe: Recipe) -> int:
    """Order within a family: what usually suffices, then what can help, then what seldom does.

    Percentiles cut outliers off and cost as little as minmax; training helps where no range does;
    one scale for a whole tensor loses accuracy and gains nothing on current runtimes.
    """
    if recipe.precision == "int8-qat":
        return 2
    methods = {None: 0, "minmax": 0, "percentile": 1, "entropy": 3}
    return methods[recipe.calibration] + (0 if recipe.per_channel else len(methods))
