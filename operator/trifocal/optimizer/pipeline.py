"""The optimization: the one place that orders the steps.

`optimize` always returns a result; whatever went wrong is in its `failure`.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from trifocal.api.condition import Reason
from trifocal.api.target import SERVED
from trifocal.artifacts.failure import RefusedError, WorkError
from trifocal.artifacts.publication import begin, recall
from trifocal.artifacts.store import Store
from trifocal.optimizer.backends import Open, backends_for
from trifocal.optimizer.bench import Studio, remembered
from trifocal.optimizer.candidate_cache import CandidateCache
from trifocal.optimizer.contract import SOURCE, OptimizationRequest, OptimizationResult
from trifocal.optimizer.data_review import doubts
from trifocal.optimizer.evaluation import Examiner
from trifocal.optimizer.evidence import Evidence
from trifocal.optimizer.finishing import (
    Winner,
    environment,
    publish_edge,
    publish_served,
    record_result,
    serving_facts,
    winner_of,
)
from trifocal.optimizer.forecasting import Stopwatch
from trifocal.optimizer.gates.accuracy import missed_accuracy
from trifocal.optimizer.latency import Clock
from trifocal.optimizer.notes import Found, notes_on
from trifocal.optimizer.outcome import SourceBelowGateError, failure_of
from trifocal.optimizer.preparation import Prepared, prepare, refused_by_runtime
from trifocal.optimizer.progress import Announcer, Step
from trifocal.optimizer.report import Judgement, candidate_statuses
from trifocal.optimizer.runtimes.backend import ModelRunError
from trifocal.optimizer.search.keys import evidence_key, source_key
from trifocal.optimizer.sources import fetch_sources
from trifocal.optimizer.trying import try_all
from trifocal.optimizer.workshop import Materials, Workshop


@dataclass(frozen=True, kw_only=True)
class Workplace:
    """Everything that the work touches."""

    store: Store
    scratch: Path
    """An empty folder."""
    announce: Announcer
    backends: Open = backends_for
    clock: Clock = time.perf_counter


def optimize(request: OptimizationRequest, place: Workplace) -> OptimizationResult:
    """Do the work, or find that it has been done."""
    try:
        place.announce.at(Step.LOOK_UP)
        earlier = _earlier(request, place.store)
        if earlier is not None:
            return earlier
        begin(place.store, request.digest())
        return _work(request, place)
    except (WorkError, MemoryError, OSError) as error:
        rows = error.judgements if isinstance(error, SourceBelowGateError) else ()
        return OptimizationResult(
            request=request.digest(),
            failure=failure_of(error),
            candidates=candidate_statuses(rows, request.gate, _metric(request)),
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


def _work(request: OptimizationRequest, place: Workplace) -> OptimizationResult:
    """The steps, in order.

    Raises:
        WorkError: A step failed.
        MemoryError: Not enough memory.
        OSError: The scratch disk failed.
    """
    store, announce = place.store, place.announce
    fetched = fetch_sources(
        request, place.scratch, lambda share, detail: announce.at(Step.FETCH, share, detail)
    )
    announce.at(Step.IMPORT)
    prepared = prepare(request, fetched, place.scratch)
    studio = _studio(request, prepared, place)
    found = try_all(studio, prepared, announce)
    rows = tuple(row for one in found for row in one.decision.rows)
    winners = _winners(studio, prepared, found, rows)
    served, edges = winners[0], winners[1:]
    facts = serving_facts(request, prepared, served, place.clock, announce)
    announce.at(Step.PUBLISH)
    result = facts.model_copy(
        update={
            "artifact": publish_served(request, store, prepared, served),
            "edges": tuple(publish_edge(request, store, prepared, edge, served) for edge in edges),
            "candidates": candidate_statuses(rows, request.gate, studio.metric),
            "notes": (
                *prepared.notes,
                *doubts(request, studio.source),
                *notes_on(found, served.measured, studio.source, request.gate, studio.metric),
            ),
        }
    )
    explorations = [one.exploration for one in found]
    where = environment(request, list(studio.backends.values()))
    record_result(store, result, rows, explorations, where)
    return result


def _studio(request: OptimizationRequest, prepared: Prepared, place: Workplace) -> Studio:
    """What all targets share. The source is judged here: without it nothing else is worth doing.

    Raises:
        SourceBelowGateError: It is below the gate's minimum.
        RefusedError: ModelInvalid, DatasetInvalid.
    """
    cache = CandidateCache(place.store)
    examiner = Examiner(prepared.task, prepared.data, prepared.runner)
    source = _judge_source(request, examiner, cache, place.announce)
    folder = place.scratch / "candidates"
    folder.mkdir()
    backends = place.backends(request, prepared.lesson, place.scratch)
    materials = Materials(
        request=request,
        model=prepared.model,
        calibration=prepared.calibration,
        lesson=prepared.lesson,
    )
    largest = request.batching.max_batch_size if prepared.model.fixed_batch is None else 1
    watch = Stopwatch(
        source=prepared.runner,
        image=prepared.image,
        max_batch=largest,
        clock=place.clock,
    )
    return Studio(
        request=request,
        model=prepared.model,
        workshop=Workshop(materials, backends, cache, folder),
        backends=backends,
        examiner=examiner,
        cache=cache,
        source=source,
        stopwatch=watch,
        source_forecast=watch.forecast_of_source(prepared.model.path.stat().st_size),
    )


def _judge_source(
    request: OptimizationRequest, examiner: Examiner, cache: CandidateCache, announce: Announcer
) -> Evidence:
    key = evidence_key(request, source_key(request))

    def examine() -> Evidence:
        try:
            return examiner.source(lambda share: announce.at(Step.SOURCE, share))
        except ModelRunError as error:
            raise refused_by_runtime(error) from error

    evidence = remembered(cache, key, examine)
    missed = "; ".join(missed_accuracy(evidence, evidence, request.gate.accuracy, _metric(request)))
    if missed:
        row = Judgement(
            name=SOURCE,
            target=request.served.runtime,
            verdict="Lost",
            reason=missed,
            evidence=evidence,
        )
        raise SourceBelowGateError(
            f"The source model misses the gate: {missed}. Train it further, or lower "
            f"spec.optimization.gate.accuracy.minimum.",
            (row,),
        )
    return evidence


def _winners(
    studio: Studio, prepared: Prepared, found: Sequence[Found], rows: tuple[Judgement, ...]
) -> list[Winner]:
    """The served target's first, then those for devices.

    Raises:
        SourceBelowGateError: Nobody passed the gate of what is served.
        RefusedError: OptimizationFailed, when no engine could be built and run.
    """
    request = studio.request
    winners = [
        winner_of(
            one.decision.runtime,
            one.decision.winner,
            studio.backends[one.decision.runtime],
            prepared,
            request.threads,
        )
        for one in found
        if one.decision.winner is not None
    ]
    served = [winner for winner in winners if winner.runtime in SERVED]
    if not served:
        raise _nobody(request, rows)
    return [*served, *(winner for winner in winners if winner.runtime not in SERVED)]


def _nobody(request: OptimizationRequest, rows: tuple[Judgement, ...]) -> RefusedError:
    runtime = request.served.runtime
    own = [row for row in rows if row.target == runtime]
    if all(row.verdict == "Failed" for row in own):
        why = own[0].reason if own else "it has no candidates"
        return RefusedError(
            Reason.OPTIMIZATION_FAILED,
            f"No candidate for {runtime} could be built and run: {why}.",
        )
    best = next((row for row in own if row.name == SOURCE), own[0])
    return SourceBelowGateError(
        f"No candidate for {runtime} meets the gate; {best.name}: {best.reason}. Relax "
        f"spec.optimization.gate, or use a smaller model.",
        rows,
    )


def _metric(request: OptimizationRequest) -> str:
    return request.gate.accuracy.metric_of(request.model.task)
