"""The bench of one target: where its candidates are forecast, built, examined and measured."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from typing_extensions import override

from trifocal.api.target import Runtime
from trifocal.optimizer.candidate_cache import CandidateCache, Entry
from trifocal.optimizer.contract import OptimizationRequest
from trifocal.optimizer.evaluation import Examiner
from trifocal.optimizer.evidence import Evidence, from_json, to_json
from trifocal.optimizer.exploring import Advance, Bench, Trial
from trifocal.optimizer.forecasting import Stopwatch
from trifocal.optimizer.gates import verdict
from trifocal.optimizer.gates.size import missed_size
from trifocal.optimizer.importing import ImportedModel
from trifocal.optimizer.mending import mended
from trifocal.optimizer.recipe import Recipe
from trifocal.optimizer.runtimes.backend import Backend, Runner
from trifocal.optimizer.search.forecast import Forecast
from trifocal.optimizer.search.keys import evidence_key
from trifocal.optimizer.workshop import Workshop


@dataclass(frozen=True, kw_only=True)
class Studio:
    """What the benches of all targets share."""

    request: OptimizationRequest
    model: ImportedModel
    workshop: Workshop
    backends: Mapping[Runtime, Backend]
    examiner: Examiner
    cache: CandidateCache
    source: Evidence
    stopwatch: Stopwatch
    source_forecast: Forecast

    @property
    def metric(self) -> str:
        """That the gate judges by."""
        return self.request.gate.accuracy.metric_of(self.request.model.task)


class TargetBench(Bench):
    """One target's candidates."""

    def __init__(self, studio: Studio, runtime: Runtime) -> None:
        self._studio = studio
        self._backend = studio.backends[runtime]

    @override
    def forecast(self, recipe: Recipe) -> Forecast:
        path = self._studio.workshop.sketch(recipe)
        watch, source = self._studio.stopwatch, self._studio.source_forecast
        return watch.forecast(self.load(path), path, source)

    @override
    def build(self, recipe: Recipe, report: Advance) -> Entry:
        return self._studio.workshop.build(recipe, report)

    @override
    def load(self, path: Path) -> Runner:
        return self._backend.load(path, self._studio.model, self._studio.request.threads)

    @override
    def examine(self, recipe: Recipe, path: Path) -> Evidence:
        studio = self._studio
        runner = self.load(path)
        studio.stopwatch.rehearse(runner)  # also what was judged elsewhere must run here
        key = evidence_key(studio.request, studio.workshop.key(recipe))
        return remembered(
            studio.cache, key, lambda: studio.examiner.examine(runner, lambda _share: None)
        )

    @override
    def missed(self, evidence: Evidence, size: int) -> tuple[str, ...]:
        gate = self._studio.request.gate
        return (
            *verdict.missed(evidence, self._studio.source, gate, self._studio.metric),
            *missed_size(size, gate.max_size),
        )

    @override
    def mend(self, trial: Trial) -> Recipe | None:
        return mended(trial, self._studio.workshop.materials)


def remembered(cache: CandidateCache, key: str, examine: Callable[[], Evidence]) -> Evidence:
    """What an earlier run found, or what is found now."""
    earlier = cache.evidence(key)
    found = None if earlier is None else from_json(earlier)
    if found is None:
        found = examine()
        cache.keep_evidence(key, to_json(found))
    return found
