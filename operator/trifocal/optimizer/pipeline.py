"""The optimization, step by step: the one place that orders the steps and ends with a result.

`optimize` always returns a result; whatever went wrong is in its `failure`.
"""

import errno
import platform
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trifocal.api.condition import Reason
from trifocal.artifacts.failure import InterruptedWorkError, RefusedError, WorkError
from trifocal.artifacts.filesystem import disk_full
from trifocal.artifacts.manifest import MODEL
from trifocal.artifacts.publication import begin, describe, publish, recall, record
from trifocal.artifacts.store import Store
from trifocal.optimizer import gate as gates
from trifocal.optimizer.batch_dimension import with_open_batch
from trifocal.optimizer.building import Built, Calibration, Workbench, build_candidates
from trifocal.optimizer.capacity import batch_sizes, measure_capacity
from trifocal.optimizer.choice import Choice, choose
from trifocal.optimizer.contract import (
    Failure,
    FailureKind,
    OptimizationRequest,
    OptimizationResult,
    Smoke,
    Tensor,
)
from trifocal.optimizer.dataset import unlabelled_images
from trifocal.optimizer.evaluation import BATCH, LabelledData, evaluate
from trifocal.optimizer.importing import ImportedModel, import_model
from trifocal.optimizer.latency import Latency, measure_latency
from trifocal.optimizer.measured import SOURCE, Measured
from trifocal.optimizer.preprocessing import ImageReader, image_reader
from trifocal.optimizer.progress import Announcer, Step
from trifocal.optimizer.recording import record_smoke
from trifocal.optimizer.report import Judgement, candidate_status, report_json
from trifocal.optimizer.runtime import ModelRunError, OnnxRunner
from trifocal.optimizer.sources import Fetched, fetch_sources
from trifocal.optimizer.tasks.classification import Classification
from trifocal.optimizer.tasks.task import Accuracy, Task


class SourceBelowGateError(WorkError):
    """The source misses its gate and nothing else passes: only the user can change that."""

    def __init__(self, sentence: str, judgements: tuple[Judgement, ...]) -> None:
        super().__init__(Reason.SOURCE_BELOW_GATE, sentence)
        self.judgements = judgements


def optimize(
    request: OptimizationRequest, store: Store, scratch: Path, announce: Announcer
) -> OptimizationResult:
    """Do the work, or find that it has been done. `scratch` is an empty folder."""
    digest = request.digest()
    try:
        announce.at(Step.LOOK_UP)
        earlier = recall(store, digest)
        if earlier is not None:
            return OptimizationResult.model_validate(earlier)
        begin(store, digest)
        return Optimization(request, store, scratch, announce).run()
    except (WorkError, MemoryError, OSError) as error:
        return _failed(request, digest, error)


def failure_of(error: Exception) -> Failure:
    """The contract's words for what went wrong."""
    if isinstance(error, WorkError):
        passing = isinstance(error, InterruptedWorkError)
        kind = FailureKind.TRANSIENT if passing else FailureKind.STALLED
        return Failure(kind=kind, reason=error.reason, message=str(error))
    if isinstance(error, MemoryError):
        return Failure(
            kind=FailureKind.STALLED,
            reason=Reason.OUT_OF_MEMORY,
            message="The optimization needs more memory than it may use; raise "
            "spec.optimization.job.resources.limits.memory.",
        )
    if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}:
        full = disk_full("the scratch disk")
        return Failure(kind=FailureKind.STALLED, reason=full.reason, message=str(full))
    return Failure(
        kind=FailureKind.TRANSIENT,
        reason=Reason.OPTIMIZATION_FAILED,
        message=f"The optimization failed unexpectedly ({type(error).__name__}: {error}); the "
        f"Job's log holds the details."[:1500],
    )


def _failed(request: OptimizationRequest, digest: str, error: Exception) -> OptimizationResult:
    judgements = error.judgements if isinstance(error, SourceBelowGateError) else ()
    source = next((j.measured for j in judgements if j.name == SOURCE), None)
    return OptimizationResult(
        request=digest,
        failure=failure_of(error),
        candidates=tuple(candidate_status(j, source, request.gate) for j in judgements),
    )


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """The checked model and data."""

    model: ImportedModel
    task: Task
    data: LabelledData
    calibration: Calibration | None
    image: NDArray[np.float32]
    """The first evaluation image: what latency is measured with."""


class Optimization:
    """One request being worked on."""

    def __init__(
        self, request: OptimizationRequest, store: Store, scratch: Path, announce: Announcer
    ) -> None:
        self._request = request
        self._store = store
        self._scratch = scratch
        self._announce = announce

    def run(self) -> OptimizationResult:
        """All steps, in order.

        Raises:
            WorkError: A step failed.
            MemoryError: Not enough memory.
            OSError: The scratch disk failed.
        """
        prepared = self._prepare(self._fetch())
        source_runner = self._source_runner(prepared)
        reference = self._judge_source(prepared, source_runner)
        built = self._build(prepared)
        measured, failures = self._measure(prepared, built, source_runner, reference)
        choice, judgements = self._choose(measured, failures, reference)
        return self._finish(prepared, measured, choice, judgements)

    def _fetch(self) -> Fetched:
        return fetch_sources(
            self._request,
            self._scratch,
            lambda share, detail: self._announce.at(Step.FETCH, share, detail),
        )

    def _prepare(self, fetched: Fetched) -> Prepared:
        spec = self._request.model
        self._announce.at(Step.IMPORT)
        reader = image_reader(spec)
        task = Classification(spec.labels)
        model = with_open_batch(
            import_model(fetched.model, spec),
            self._request.batching.max_batch_size,
            self._scratch / "open-batch.onnx",
        )
        items = task.items(fetched.evaluation)
        return Prepared(
            model=model,
            task=task,
            data=LabelledData(items=items, read=reader.read, batch=model.fixed_batch or BATCH),
            calibration=self._calibration(fetched, reader),
            image=reader.read(items[0].path),
        )

    def _calibration(self, fetched: Fetched, reader: ImageReader) -> Calibration | None:
        if fetched.calibration is None:
            return None
        wanted = self._request.quantization.calibration_samples
        images = unlabelled_images(fetched.calibration, wanted)
        return Calibration(images=images, read=reader.read)

    def _source_runner(self, prepared: Prepared) -> OnnxRunner:
        """Load the source; an answer of the wrong shape is refused here."""
        model = prepared.model
        try:
            runner = OnnxRunner(model.path, model.output, self._request.threads)
            shape = runner.run(prepared.image[None]).shape
        except ModelRunError as error:
            raise _model_invalid(error) from error
        prepared.task.check_answer(model.output, shape)
        return runner

    def _judge_source(self, prepared: Prepared, runner: OnnxRunner) -> Accuracy:
        """Accuracy of the source; below the gate's minimum nothing else is worth doing."""
        found, failures = evaluate(
            {SOURCE: runner},
            prepared.data,
            prepared.task,
            lambda share: self._announce.at(Step.SOURCE, share),
        )
        if failures:
            raise _model_invalid(ModelRunError(failures[SOURCE]))
        reference = found[SOURCE]
        missed = gates.missed_accuracy(reference, reference, self._request.gate.accuracy)
        if missed:
            sentence = f"The source model misses the gate: {'; '.join(missed)}."
            raise SourceBelowGateError(
                f"{sentence} Train it further, or lower spec.optimization.gate.accuracy.minimum.",
                (Judgement(name=SOURCE, verdict="Lost", reason="; ".join(missed)),),
            )
        return reference

    def _build(self, prepared: Prepared) -> Built:
        folder = self._scratch / "candidates"
        folder.mkdir()
        bench = Workbench(
            source=prepared.model,
            calibration=prepared.calibration,
            quantization=self._request.quantization,
            folder=folder,
        )
        return build_candidates(
            bench,
            self._request.precisions,
            lambda share, detail: self._announce.at(Step.CANDIDATES, share, detail),
        )

    def _measure(
        self, prepared: Prepared, built: Built, source: OnnxRunner, reference: Accuracy
    ) -> tuple[Mapping[str, Measured], Mapping[str, str]]:
        """Accuracy, latency and size of the source and of what was built."""
        runners, failures = self._load(prepared, built)
        accuracies, broken = evaluate(
            runners,
            prepared.data,
            prepared.task,
            lambda share: self._announce.at(Step.GATE, share),
        )
        failures = {**failures, **{n: f"it could not be run: {why}" for n, why in broken.items()}}
        accuracies = {SOURCE: reference, **accuracies}
        running = {SOURCE: source, **runners}
        latencies = self._latencies({n: running[n] for n in accuracies}, prepared)
        paths = {SOURCE: prepared.model.path, **built.paths}
        measured = {
            name: Measured(
                name=name,
                path=paths[name],
                size=paths[name].stat().st_size,
                accuracy=accuracies[name],
                latency=latencies[name],
            )
            for name in (SOURCE, *self._request.precisions)
            if name in accuracies
        }
        return measured, failures

    def _load(
        self, prepared: Prepared, built: Built
    ) -> tuple[dict[str, OnnxRunner], dict[str, str]]:
        runners: dict[str, OnnxRunner] = {}
        failures = dict(built.failures)
        for name, path in built.paths.items():
            try:
                runners[name] = OnnxRunner(path, prepared.model.output, self._request.threads)
            except ModelRunError as error:
                failures[name] = f"it could not be loaded: {error}"
        return runners, failures

    def _latencies(
        self, runners: Mapping[str, OnnxRunner], prepared: Prepared
    ) -> Mapping[str, Latency]:
        return measure_latency(
            runners,
            prepared.image,
            time.perf_counter,
            lambda share: self._announce.at(Step.LATENCY, share),
        )

    def _choose(
        self, measured: Mapping[str, Measured], failures: Mapping[str, str], reference: Accuracy
    ) -> tuple[Choice, tuple[Judgement, ...]]:
        gate = self._request.gate
        missed = {n: gates.missed(m, reference, gate) for n, m in measured.items()}
        lost = tuple(
            Judgement(name=n, verdict="Lost", reason="; ".join(why), measured=measured[n])
            for n, why in missed.items()
            if why
        )
        failed = tuple(
            Judgement(name=n, verdict="Failed", reason=why) for n, why in failures.items()
        )
        passed = [m for n, m in measured.items() if not missed[n]]
        if not passed:
            raise SourceBelowGateError(
                f"The source model misses the gate, and no candidate meets it: "
                f"{'; '.join(missed[SOURCE])}. Relax spec.optimization.gate, or use a smaller "
                f"model.",
                (*lost, *failed),
            )
        choice = choose(passed, self._request.prefer, gate.accuracy.metric)
        winners = tuple(_passed(m, choice) for m in passed)
        order = (SOURCE, *self._request.precisions)
        rows = sorted((*winners, *lost, *failed), key=lambda row: order.index(row.name))
        return choice, tuple(rows)

    def _finish(
        self,
        prepared: Prepared,
        measured: Mapping[str, Measured],
        choice: Choice,
        judgements: tuple[Judgement, ...],
    ) -> OptimizationResult:
        """Measure the winner's capacity, record its answers, publish, and remember."""
        request, winner = self._request, measured[choice.name]
        runner = OnnxRunner(winner.path, prepared.model.output, request.threads)
        capacity = measure_capacity(
            runner,
            prepared.image,
            batch_sizes(request.batching.max_batch_size),
            time.perf_counter,
            lambda share: self._announce.at(Step.CAPACITY, share),
        )
        inputs, outputs = _tensors(prepared, request)
        smoke: Smoke = record_smoke(runner, inputs)
        self._announce.at(Step.PUBLISH)
        manifest = describe({MODEL: winner.path}, _metadata(request, choice, inputs, outputs))
        files = {MODEL: winner.path}
        status = (candidate_status(j, measured[SOURCE], request.gate) for j in judgements)
        result = OptimizationResult(
            request=request.digest(),
            artifact=publish(self._store, manifest, files),
            chosen=choice.name,
            candidates=tuple(status),
            inputs=inputs,
            outputs=outputs,
            capacity=capacity,
            smoke=smoke,
        )
        self._remember(result, judgements)
        shutil.rmtree(self._scratch, ignore_errors=True)
        return result

    def _remember(self, result: OptimizationResult, judgements: tuple[Judgement, ...]) -> None:
        recipe = result.model_dump(mode="json", by_alias=True, exclude_none=True)
        report = report_json(result, judgements, _environment(self._request))
        record(self._store, result.request, recipe, report)


def _passed(measured: Measured, choice: Choice) -> Judgement:
    chosen = measured.name == choice.name
    return Judgement(
        name=measured.name,
        verdict="Chosen" if chosen else "Passed",
        reason=choice.reason if chosen else choice.others[measured.name],
        measured=measured,
    )


def _model_invalid(error: ModelRunError) -> WorkError:
    return RefusedError(
        Reason.MODEL_INVALID,
        f"ONNX Runtime cannot run the source model ({error}); export it again and check it with "
        f"onnxruntime.",
    )


def _tensors(
    prepared: Prepared, request: OptimizationRequest
) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
    model = prepared.model
    batch = model.fixed_batch or -1
    inputs = (Tensor(name=model.input, dtype="float32", shape=(batch, *model.input_shape)),)
    outputs = (
        Tensor(name=model.output, dtype="float32", shape=(batch, len(request.model.labels))),
    )
    return inputs, outputs


def _metadata(
    request: OptimizationRequest,
    choice: Choice,
    inputs: tuple[Tensor, ...],
    outputs: tuple[Tensor, ...],
) -> dict[str, Any]:
    """What a stranger needs to use the artifact. No times: equal bytes have equal addresses."""
    return {
        "candidate": choice.name,
        "runtime": request.target.runtime,
        "source": request.source.digest,
        "inputs": [tensor.model_dump(mode="json", by_alias=True) for tensor in inputs],
        "outputs": [tensor.model_dump(mode="json", by_alias=True) for tensor in outputs],
        "labels": list(request.model.labels),
        "preprocessing": request.model.preprocessing.model_dump(mode="json", by_alias=True),
    }


def _environment(request: OptimizationRequest) -> dict[str, Any]:
    """What the figures depend on besides the request."""
    import onnxruntime  # noqa: PLC0415 - heavy

    return {
        "image": request.optimizer_image,
        "onnxruntime": onnxruntime.__version__,
        "numpy": np.__version__,
        "machine": platform.machine(),
        "threads": request.threads,
    }
