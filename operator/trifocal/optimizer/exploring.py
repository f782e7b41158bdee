"""Tries one target's candidates: forecasts them, then builds and examines the promising ones."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, Protocol

from trifocal.api.target import Runtime
from trifocal.optimizer.candidate_cache import Entry
from trifocal.optimizer.evidence import Evidence
from trifocal.optimizer.recipe import Recipe
from trifocal.optimizer.runtimes.backend import BuildError, ModelRunError, Runner
from trifocal.optimizer.search.forecast import Aim, Forecast, family
from trifocal.optimizer.search.next_trial import Field, Verdict, next_trial

Advance = Callable[[float, str], None]


@dataclass(frozen=True, kw_only=True)
class Trial:
    """A candidate that was tried."""

    recipe: Recipe
    entry: Entry | None = None
    """What was built; None when that failed."""
    evidence: Evidence | None = None
    """What the data said; None when it could not be run."""
    missed: tuple[str, ...] = ()
    """Tests of the gate that need no stopwatch and that it did not pass."""
    failure: str | None = None
    """Why it could not be built or run."""

    @property
    def verdict(self) -> Verdict:
        """In the search's words."""
        if self.failure is not None:
            return Verdict.FAILED
        return Verdict.MISSED if self.missed else Verdict.PASSED


@dataclass(frozen=True, kw_only=True)
class Exploration:
    """What was found out about one target."""

    runtime: Runtime
    recipes: Sequence[Recipe]
    """The full grid."""
    trials: Sequence[Trial]
    forecasts: Mapping[Recipe, Forecast]
    """By family."""
    unbuildable: Mapping[Recipe, str]
    """Families that not even a sketch could be built of, and why."""

    @property
    def untried(self) -> tuple[Recipe, ...]:
        """What the search left out."""
        tried = {replace(trial.recipe, keep_float=()) for trial in self.trials}
        return tuple(recipe for recipe in self.recipes if recipe not in tried)


class Bench(Protocol):
    """Where candidates of one target are built and run."""

    def forecast(self, recipe: Recipe) -> Forecast:
        """Figures of an untrained build.

        Raises:
            BuildError, ModelRunError: There is none.
        """

    def build(self, recipe: Recipe, report: Advance) -> Entry:
        """The candidate itself.

        Raises:
            BuildError: It cannot be built.
        """

    def load(self, path: Path) -> Runner:
        """Ready to run.

        Raises:
            ModelRunError: The runtime refuses.
        """

    def examine(self, recipe: Recipe, path: Path) -> Evidence:
        """Run it on all data.

        Raises:
            ModelRunError: The runtime refuses.
        """

    def missed(self, evidence: Evidence, size: int) -> tuple[str, ...]:
        """Tests of the gate that it did not pass, latency aside."""

    def mend(self, trial: Trial) -> Recipe | None:
        """The same candidate with its worst layers in float, where that may help."""


@dataclass(kw_only=True)
class Explorer:
    """Explores one target."""

    runtime: Runtime
    recipes: Sequence[Recipe]
    source: Forecast | None
    bench: Bench
    aim: Aim
    search: Literal["auto", "grid"]
    advance: Advance
    trials: dict[Recipe, Trial] = field(default_factory=dict)

    def explore(self) -> Exploration:
        """Every trial that the search asked for."""
        forecasts, unbuildable = self._forecasts() if self.search == "auto" else ({}, {})
        while (recipe := self._next(forecasts)) is not None:
            trial = self._try(recipe)
            mended = self.bench.mend(trial) if trial.verdict is Verdict.MISSED else None
            if mended is not None and mended not in self.trials:
                self._try(mended)
        return Exploration(
            runtime=self.runtime,
            recipes=self.recipes,
            trials=tuple(self.trials.values()),
            forecasts=forecasts,
            unbuildable=unbuildable,
        )

    def _next(self, forecasts: Mapping[Recipe, Forecast]) -> Recipe | None:
        if self.search == "grid":
            return next((recipe for recipe in self.recipes if recipe not in self.trials), None)
        found = Field(recipes=self.recipes, forecasts=forecasts, source=self.source, aim=self.aim)
        return next_trial(found, {recipe: t.verdict for recipe, t in self.trials.items()})

    def _forecasts(self) -> tuple[dict[Recipe, Forecast], dict[Recipe, str]]:
        families = list(dict.fromkeys(family(recipe) for recipe in self.recipes))
        forecasts: dict[Recipe, Forecast] = {}
        unbuildable: dict[Recipe, str] = {}
        for position, recipe in enumerate(families):
            self.advance(0.3 * position / len(families), f"forecasting {recipe.name}")
            try:
                forecasts[recipe] = self.bench.forecast(recipe)
            except (BuildError, ModelRunError) as error:
                unbuildable[recipe] = str(error)
        return forecasts, unbuildable

    def _try(self, recipe: Recipe) -> Trial:
        start = 0.3 + 0.7 * len(self.trials) / max(len(self.recipes), len(self.trials) + 1)

        def report(share: float, detail: str) -> None:
            self.advance(start + 0.7 * share / max(len(self.recipes), 1), detail)

        report(0.0, recipe.name)
        trial = self._tried(recipe, report)
        self.trials[recipe] = trial
        return trial

    def _tried(self, recipe: Recipe, report: Advance) -> Trial:
        try:
            entry = self.bench.build(recipe, report)
        except BuildError as error:
            return Trial(recipe=recipe, failure=str(error))
        report(1.0, f"{recipe.name}, judging")
        try:
            evidence = self.bench.examine(recipe, entry.path)
        except ModelRunError as error:
            return Trial(recipe=recipe, entry=entry, failure=f"it could not be run: {error}")
        return Trial(
            recipe=recipe,
            entry=entry,
            evidence=evidence,
            missed=self.bench.missed(evidence, entry.path.stat().st_size),
        )
