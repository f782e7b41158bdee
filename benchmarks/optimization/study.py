"""Named candidates of one model against its source: accuracy with intervals, size and speed."""

import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from trifocal.artifacts.store import open_store
from trifocal.optimizer.backends import backends_for
from trifocal.optimizer.candidate_cache import CandidateCache
from trifocal.optimizer.contract import SOURCE, OptimizationRequest
from trifocal.optimizer.evaluation import Examiner
from trifocal.optimizer.evidence import Evidence
from trifocal.optimizer.gates.interval import difference
from trifocal.optimizer.latency import Latency, measure_latency
from trifocal.optimizer.preparation import prepare
from trifocal.optimizer.recipe import Recipe
from trifocal.optimizer.sources import fetch_sources, place_of
from trifocal.optimizer.workshop import Materials, Workshop


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One candidate; ratios are against the source, in one run."""

    name: str
    accuracy: float
    drop: float
    interval: tuple[float, float]
    """95 %, of the candidate's accuracy less the source's."""
    size_ratio: float
    latency_ratio: float
    slices: dict[str, float]


def study(request: OptimizationRequest, recipes: Sequence[Recipe]) -> list[Finding]:
    """Build, examine and time the recipes; nothing is gated.

    Raises:
        BuildError, WorkError: One of them cannot be made.
    """
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        prepared = prepare(request, fetch_sources(request, scratch, lambda _s, _d: None), scratch)
        examiner = Examiner(prepared.task, prepared.data, prepared.runner)
        source = examiner.source(lambda _share: None)
        backends = backends_for(request, prepared.lesson, scratch)
        materials = Materials(
            request=request,
            model=prepared.model,
            calibration=prepared.calibration,
            lesson=prepared.lesson,
        )
        (scratch / "work").mkdir()
        cache = CandidateCache(open_store(place_of(request.store)))
        workshop = Workshop(materials, backends, cache, scratch / "work")
        paths = {
            recipe.name: workshop.build(recipe, lambda _share, _detail: None).path
            for recipe in recipes
        }
        runners = {
            recipe.name: backends[recipe.runtime].load(
                paths[recipe.name], prepared.model, request.threads
            )
            for recipe in recipes
        }
        evidence = {
            name: examiner.examine(runner, lambda _share: None) for name, runner in runners.items()
        }
        times = measure_latency(
            {SOURCE: prepared.runner, **runners},
            prepared.image,
            time.perf_counter,
            lambda _share: None,
        )
        metric = request.gate.accuracy.metric_of(request.model.task)
        return [
            _finding(name, one, source, metric, paths, prepared.model.path, times)
            for name, one in {SOURCE: source, **evidence}.items()
        ]


def _finding(  # noqa: PLR0913, PLR0917 - everything that is known of one
    name: str,
    one: Evidence,
    source: Evidence,
    metric: str,
    paths: Mapping[str, Path],
    model: Path,
    times: Mapping[str, Latency],
) -> Finding:
    size = paths.get(name, model).stat().st_size
    return Finding(
        name=name,
        accuracy=one.metrics[metric],
        drop=source.metrics[metric] - one.metrics[metric],
        interval=difference(one, source, metric),
        size_ratio=size / model.stat().st_size,
        latency_ratio=times[name].typical / times[SOURCE].typical,
        slices={
            group.name: one.measure(metric, group)
            for group in one.groups()
            if group.kind == "slice"
        },
    )


def line(finding: Finding) -> str:
    """For people."""
    low, high = (100 * bound for bound in finding.interval)
    slices = " ".join(f"{name} {100 * share:.1f}" for name, share in finding.slices.items())
    return (
        f"{finding.name:24} {100 * finding.accuracy:6.2f} % ({0.0 - 100 * finding.drop:+.2f} "
        f"points, 95 % interval {low:+.2f} to {high:+.2f})  size x {finding.size_ratio:.2f}  "
        f"latency x {finding.latency_ratio:.2f}  {slices}"
    ).rstrip()
