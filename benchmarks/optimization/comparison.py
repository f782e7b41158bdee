"""One model on one target: Trifocal's winner against plain recipes and the source, in one run."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.optimization.plain import plain_recipes
from benchmarks.optimization.zoo.model import ZooModel
from trifocal.api.gate import Gate
from trifocal.api.target import Runtime
from trifocal.optimizer.contract import OptimizationRequest
from trifocal.optimizer.evaluation import Examiner
from trifocal.optimizer.evidence import Evidence
from trifocal.optimizer.gates import verdict
from trifocal.optimizer.latency import measure_latency
from trifocal.optimizer.preparation import Prepared, prepare
from trifocal.optimizer.report import least_agreement
from trifocal.optimizer.runtimes.backend import Backend, ModelRunError, Runner
from trifocal.optimizer.sources import fetch_sources


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the table."""

    model: str
    target: str
    candidate: str
    accuracy: float | None
    agreement: float | None
    milliseconds: float | None
    """Typical, of one image."""
    size: int | None
    passes: bool
    why: str


@dataclass(frozen=True, kw_only=True)
class Entrant:
    """A file that takes part."""

    name: str
    path: Path
    note: str
    load: Callable[[Path, int], Runner] | None = None


@dataclass(frozen=True, kw_only=True)
class Judges:
    """What all entrants of a model are judged with."""

    model: str
    prepared: Prepared
    examiner: Examiner
    source: Evidence
    gate: Gate
    metric: str
    threads: int


def judges_of(model: ZooModel, request: OptimizationRequest, scratch: Path) -> Judges:
    """The model and its data made ready in `scratch`, and the source examined."""
    prepared = prepare(request, fetch_sources(request, scratch, lambda _s, _d: None), scratch)
    examiner = Examiner(prepared.task, prepared.data, prepared.runner)
    return Judges(
        model=model.name,
        prepared=prepared,
        examiner=examiner,
        source=examiner.source(lambda _share: None),
        gate=request.gate,
        metric=request.gate.accuracy.metric_of(request.model.task),
        threads=request.threads,
    )


def compare(
    judges: Judges, runtime: Runtime, backend: Backend, found: Sequence[Entrant], folder: Path
) -> list[Row]:
    """Rows of the source, of Trifocal's entrants and of the plain recipes."""
    entrants = list(found)
    rows: list[Row] = []
    calibration = judges.prepared.calibration
    for recipe in plain_recipes(runtime) if calibration else ():
        name = f"plain {recipe.name}"
        target = folder / f"{judges.model}-{recipe.name}{backend.suffix}"
        try:
            recipe.build(judges.prepared.model, calibration, target)  # type: ignore[arg-type]  # as above
        except Exception as error:  # noqa: BLE001 - the tools raise what they like
            rows.append(failed(judges, runtime, name, f"{type(error).__name__}: {error}"))
        else:
            entrants.append(Entrant(name=name, path=target, note="", load=recipe.load))
    runners: dict[str, Runner] = {"source": judges.prepared.runner}
    evidence: dict[str, Evidence] = {"source": judges.source}
    for entrant in entrants:
        try:
            runner = _loaded(entrant, judges, backend)
            evidence[entrant.name] = judges.examiner.examine(runner, lambda _share: None)
            runners[entrant.name] = runner
        except ModelRunError as error:
            rows.append(failed(judges, runtime, entrant.name, str(error)))
    return [*_measured(judges, runtime, runners, evidence, entrants), *rows]


def _loaded(entrant: Entrant, judges: Judges, backend: Backend) -> Runner:
    if entrant.load is not None:
        return entrant.load(entrant.path, judges.threads)
    return backend.load(entrant.path, judges.prepared.model, judges.threads)


def _measured(
    judges: Judges,
    runtime: Runtime,
    runners: Mapping[str, Runner],
    evidence: Mapping[str, Evidence],
    entrants: Sequence[Entrant],
) -> list[Row]:
    latencies = measure_latency(
        runners, judges.prepared.image, time.perf_counter, lambda _share: None
    )
    paths = {entrant.name: entrant.path for entrant in entrants}
    notes = {entrant.name: entrant.note for entrant in entrants}
    rows = []
    for name in runners:
        missed = verdict.missed(evidence[name], judges.source, judges.gate, judges.metric)
        path = paths.get(name, judges.prepared.model.path)
        rows.append(
            Row(
                model=judges.model,
                target="onnxruntime" if name == "source" else runtime,
                candidate=name,
                accuracy=evidence[name].metrics[judges.metric],
                agreement=least_agreement(evidence[name]),
                milliseconds=latencies[name].typical,
                size=path.stat().st_size,
                passes=not missed,
                why="; ".join(missed) or notes.get(name, ""),
            )
        )
    return rows


def failed(judges: Judges, runtime: Runtime, name: str, why: str) -> Row:
    """A row of what could not be built or run."""
    return Row(
        model=judges.model,
        target=runtime,
        candidate=name,
        accuracy=None,
        agreement=None,
        milliseconds=None,
        size=None,
        passes=False,
        why=why.splitlines()[0][:200],
    )
