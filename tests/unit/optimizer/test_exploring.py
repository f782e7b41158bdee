"""Exploring one target against a bench that answers from a table."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.support.evidence import classified
from trifocal.optimizer.candidate_cache import Entry
from trifocal.optimizer.evidence import Evidence
from trifocal.optimizer.exploring import Advance, Exploration, Explorer, Trial
from trifocal.optimizer.recipe import Recipe
from trifocal.optimizer.runtimes.backend import BuildError, ModelRunError
from trifocal.optimizer.search.forecast import Forecast, family

FP16 = Recipe(runtime="litert", precision="fp16")
INT8 = Recipe(runtime="litert", precision="int8", calibration="minmax")
INT16 = Recipe(runtime="litert", precision="int16", calibration="minmax")


class Echo:
    """A model that answers its input."""

    def run(self, batch: NDArray[Any]) -> NDArray[Any]:
        return np.asarray(batch)


@dataclass
class TableBench:
    """Milliseconds by recipe; what fails where; who misses the gate."""

    file: Path
    milliseconds: Mapping[Recipe, float]
    unbuildable: frozenset[Recipe] = frozenset()
    unrunnable: frozenset[Recipe] = frozenset()
    missing: frozenset[Recipe] = frozenset()
    mendable: frozenset[Recipe] = frozenset()
    forecasts: list[str] = field(default_factory=list)

    def forecast(self, recipe: Recipe) -> Forecast:
        if recipe in self.unbuildable:
            raise BuildError("the quantizer knows no such operator")
        self.forecasts.append(recipe.name)
        value = self.milliseconds[recipe]
        return Forecast(milliseconds=value, milliseconds_per_image=value, size=1)

    def build(self, recipe: Recipe, report: Advance) -> Entry:
        report(0.5, "halfway")
        if recipe in self.unbuildable:
            raise BuildError("the quantizer knows no such operator")
        return Entry(path=self.file)

    def load(self, _path: Path) -> Echo:
        return Echo()

    def examine(self, recipe: Recipe, _path: Path) -> Evidence:
        if recipe in self.unrunnable:
            raise ModelRunError("no kernel")
        return classified([True])

    def missed(self, _evidence: Evidence, _size: int) -> tuple[str, ...]:
        return self._misses

    def mend(self, trial: Trial) -> Recipe | None:
        return replace(trial.recipe, keep_float=("conv1",)) if self._may_mend(trial) else None

    _misses: tuple[str, ...] = ()

    def _may_mend(self, trial: Trial) -> bool:
        return trial.recipe in self.mendable


class StrictBench(TableBench):
    """Everyone misses the gate, but for recipes with layers in float."""

    def build(self, recipe: Recipe, report: Advance) -> Entry:
        self._misses = () if recipe.keep_float else ("top1 fell",)
        return super().build(recipe, report)


def explored(
    bench: TableBench, search: Literal["auto", "grid"] = "auto", seen: list[float] | None = None
) -> Exploration:
    return Explorer(
        runtime="litert",
        recipes=(FP16, INT8, INT16),
        source=None,
        bench=bench,
        aim="latency",
        search=search,
        advance=lambda share, _detail: None if seen is None else seen.append(share),
    ).explore()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "model.tflite"
    path.write_bytes(b"model")
    return path


TIMES = {FP16: 2.0, INT8: 1.0, INT16: 9.0}


def names(found: Exploration) -> list[str]:
    return [trial.recipe.name for trial in found.trials]


def test_automatic_search_tries_the_fastest_and_leaves_the_rest(file: Path) -> None:
    found = explored(TableBench(file, TIMES))

    assert names(found) == ["int8"]
    assert [recipe.name for recipe in found.untried] == ["fp16", "int16"]
    assert {kin.name: figures.milliseconds for kin, figures in found.forecasts.items()} == {
        "fp16": 2.0,
        "int8": 1.0,
        "int16": 9.0,
    }


def test_grid_forecasts_nothing_and_tries_everything(file: Path) -> None:
    bench = TableBench(file, TIMES)

    assert names(explored(bench, "grid")) == ["fp16", "int8", "int16"]
    assert bench.forecasts == []


def test_family_that_not_even_a_sketch_can_be_built_of_is_remembered_with_its_reason(
    file: Path,
) -> None:
    found = explored(TableBench(file, TIMES, unbuildable=frozenset({INT8})))

    assert names(found) == ["fp16"]
    assert found.unbuildable == {family(INT8): "the quantizer knows no such operator"}


def test_candidate_that_cannot_be_built_or_run_stops_no_other(file: Path) -> None:
    bench = TableBench(file, TIMES, unbuildable=frozenset({FP16}), unrunnable=frozenset({INT8}))

    found = explored(bench, "grid")

    assert [(trial.recipe.name, trial.failure) for trial in found.trials] == [
        ("fp16", "the quantizer knows no such operator"),
        ("int8", "it could not be run: no kernel"),
        ("int16", None),
    ]


def test_candidate_that_misses_gets_a_second_chance_with_layers_in_float(file: Path) -> None:
    found = explored(StrictBench(file, TIMES, mendable=frozenset({INT8})))

    assert names(found)[:2] == ["int8", "int8-mixed"]
    assert [bool(trial.missed) for trial in found.trials[:2]] == [True, False]
    assert INT8 not in found.untried


def test_progress_never_goes_back(file: Path) -> None:
    seen: list[float] = []
    explored(TableBench(file, TIMES), "grid", seen)

    assert seen == sorted(seen)
    assert 0 <= seen[0] <= seen[-1] <= 1
