"""Steps that judge: the source, then every candidate, then which of them is served."""

import time
from collections.abc import Mapping
from dataclasses import dataclass

from trifocal.optimizer import gate as gates
from trifocal.optimizer.building import Built
from trifocal.optimizer.choice import Choice, choose
from trifocal.optimizer.contract import OptimizationRequest
from trifocal.optimizer.evaluation import evaluate
from trifocal.optimizer.latency import measure_latency
from trifocal.optimizer.measured import SOURCE, Measured
from trifocal.optimizer.outcome import SourceBelowGateError
from trifocal.optimizer.preparation import Prepared, refused_by_runtime
from trifocal.optimizer.progress import Announcer, Step
from trifocal.optimizer.report import Judgement, judgement_of
from trifocal.optimizer.runtime import ModelRunError, OnnxRunner
from trifocal.optimizer.tasks.task import Accuracy


@dataclass(frozen=True, kw_only=True)
class Field:
    """Everyone who takes part: those that run with their figures, and why the rest cannot."""

    measured: Mapping[str, Measured]
    failures: Mapping[str, str]


def judge_source(request: OptimizationRequest, prepared: Prepared, announce: Announcer) -> Accuracy:
    """Accuracy of the source.

    Raises:
        SourceBelowGateError: It is below the gate's minimum: nothing else is worth doing.
        RefusedError: ModelInvalid, DatasetInvalid.
    """
    found, failures = evaluate(
        {SOURCE: prepared.runner},
        prepared.data,
        prepared.task,
        lambda share: announce.at(Step.SOURCE, share),
    )
    if failures:
        raise refused_by_runtime(failures[SOURCE])
    accuracy = found[SOURCE]
    missed = "; ".join(gates.missed_accuracy(accuracy, accuracy, request.gate.accuracy))
    if missed:
        row = Judgement(
            name=SOURCE,
            verdict="Lost",
            reason=missed,
            accuracy=accuracy,
            size=prepared.model.path.stat().st_size,
        )
        raise SourceBelowGateError(
            f"The source model misses the gate: {missed}. Train it further, or lower "
            f"spec.optimization.gate.accuracy.minimum.",
            (row,),
        )
    return accuracy


def measure(
    request: OptimizationRequest,
    prepared: Prepared,
    built: Built,
    reference: Accuracy,
    announce: Announcer,
) -> Field:
    """Accuracy, latency and size of the source and of all that was built."""
    runners, failures = _load(built, prepared, request.threads)
    found, broken = evaluate(
        runners, prepared.data, prepared.task, lambda share: announce.at(Step.GATE, share)
    )
    failures |= {name: f"it could not be run: {why}" for name, why in broken.items()}
    accuracies = {SOURCE: reference, **found}
    running = {SOURCE: prepared.runner, **runners}
    latencies = measure_latency(
        {name: running[name] for name in accuracies},
        prepared.image,
        time.perf_counter,
        lambda share: announce.at(Step.LATENCY, share),
    )
    paths = {SOURCE: prepared.model.path, **built.paths}
    measured = {
        name: Measured(
            name=name,
            path=paths[name],
            size=paths[name].stat().st_size,
            accuracy=accuracies[name],
            latency=latencies[name],
        )
        for name in (SOURCE, *request.precisions)
        if name in accuracies
    }
    return Field(measured=measured, failures=failures)


def decide(request: OptimizationRequest, field: Field) -> tuple[Choice, tuple[Judgement, ...]]:
    """The winner, and a row for each candidate. Pure.

    Raises:
        SourceBelowGateError: Nobody passed the gate, the source included.
    """
    source = field.measured[SOURCE].accuracy
    missed = {
        name: "; ".join(gates.missed(candidate, source, request.gate))
        for name, candidate in field.measured.items()
    }
    rows = [judgement_of(field.measured[name], "Lost", why) for name, why in missed.items() if why]
    rows += [Judgement(name=n, verdict="Failed", reason=why) for n, why in field.failures.items()]
    passed = [candidate for name, candidate in field.measured.items() if not missed[name]]
    if not passed:
        raise SourceBelowGateError(
            f"The source model misses the gate, and no candidate meets it: {missed[SOURCE]}. "
            f"Relax spec.optimization.gate, or use a smaller model.",
            _ordered(request, rows),
        )
    choice = choose(passed, request.prefer, request.gate.accuracy.metric)
    rows += [_passed(candidate, choice) for candidate in passed]
    return choice, _ordered(request, rows)


def _load(
    built: Built, prepared: Prepared, threads: int
) -> tuple[dict[str, OnnxRunner], dict[str, str]]:
    runners: dict[str, OnnxRunner] = {}
    failures = dict(built.failures)
    for name, path in built.paths.items():
        try:
            runners[name] = OnnxRunner(path, prepared.model.output, threads)
        except ModelRunError as error:
            failures[name] = f"it could not be loaded: {error}"
    return runners, failures


def _passed(candidate: Measured, choice: Choice) -> Judgement:
    if candidate.name == choice.name:
        return judgement_of(candidate, "Chosen", choice.reason)
    return judgement_of(candidate, "Passed", choice.others[candidate.name])


def _ordered(request: OptimizationRequest, rows: list[Judgement]) -> tuple[Judgement, ...]:
    order = (SOURCE, *request.precisions)
    return tuple(sorted(rows, key=lambda row: order.index(row.name)))
