"""The optimization: the one place that orders the steps.

`optimize` always returns a result; whatever went wrong is in its `failure`.
"""

from pathlib import Path

from pydantic import ValidationError

from trifocal.artifacts.failure import WorkError
from trifocal.artifacts.publication import begin, recall
from trifocal.artifacts.store import Store
from trifocal.optimizer.building import Built, Workbench, build_candidates
from trifocal.optimizer.contract import OptimizationRequest, OptimizationResult
from trifocal.optimizer.finishing import publish_and_record, summarize
from trifocal.optimizer.judging import decide, judge_source, measure
from trifocal.optimizer.outcome import SourceBelowGateError, failure_of
from trifocal.optimizer.preparation import Prepared, prepare
from trifocal.optimizer.progress import Announcer, Step
from trifocal.optimizer.report import candidate_statuses
from trifocal.optimizer.sources import fetch_sources


def optimize(
    request: OptimizationRequest, store: Store, scratch: Path, announce: Announcer
) -> OptimizationResult:
    """Do the work, or find that it has been done. `scratch` is an empty folder."""
    try:
        announce.at(Step.LOOK_UP)
        earlier = _earlier(request, store)
        if earlier is not None:
            return earlier
        begin(store, request.digest())
        return _work(request, store, scratch, announce)
    except (WorkError, MemoryError, OSError) as error:
        rows = error.judgements if isinstance(error, SourceBelowGateError) else ()
        return OptimizationResult(
            request=request.digest(),
            failure=failure_of(error),
            candidates=candidate_statuses(rows, request.gate),
        )


def _earlier(request: OptimizationRequest, store: Store) -> OptimizationResult | None:
    """Result of an earlier run; one that this version cannot read is no result."""
    recipe = recall(store, request.digest())
    if recipe is None:
        return None
    try:
        result = OptimizationResult.model_validate(recipe)
    except ValidationError:
        return None
    return result if result.request == request.digest() else None


def _work(
    request: OptimizationRequest, store: Store, scratch: Path, announce: Announcer
) -> OptimizationResult:
    """The steps, in order.

    Raises:
        WorkError: A step failed.
        MemoryError: Not enough memory.
        OSError: The scratch disk failed.
    """
    fetched = fetch_sources(
        request, scratch, lambda share, detail: announce.at(Step.FETCH, share, detail)
    )
    announce.at(Step.IMPORT)
    prepared = prepare(request, fetched, scratch)
    reference = judge_source(request, prepared, announce)
    built = _build(request, prepared, scratch, announce)
    field = measure(request, prepared, built, reference, announce)
    choice, rows = decide(request, field)
    winner = field.measured[choice.name]
    summary = summarize(request, prepared, winner, rows, announce)
    announce.at(Step.PUBLISH)
    return publish_and_record(request, store, summary, winner, rows)


def _build(
    request: OptimizationRequest, prepared: Prepared, scratch: Path, announce: Announcer
) -> Built:
    folder = scratch / "candidates"
    folder.mkdir()
    bench = Workbench(
        source=prepared.model,
        calibration=prepared.calibration,
        quantization=request.quantization,
        folder=folder,
    )
    return build_candidates(
        bench,
        request.precisions,
        lambda share, detail: announce.at(Step.CANDIDATES, share, detail),
    )
