"""Last steps: the winners' capacity and answers, the published artifacts, the recorded result."""

import platform
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from trifocal.api.status import EdgeArtifact
from trifocal.api.target import SERVED, Runtime
from trifocal.artifacts.publication import describe, publish, record
from trifocal.artifacts.store import Store
from trifocal.optimizer.capacity import batch_sizes, measure_capacity
from trifocal.optimizer.contract import OptimizationRequest, OptimizationResult, Tensor
from trifocal.optimizer.evaluation import Data, Examiner
from trifocal.optimizer.evidence import EVALUATION
from trifocal.optimizer.exploring import Exploration
from trifocal.optimizer.latency import Clock
from trifocal.optimizer.measured import Measured
from trifocal.optimizer.preparation import Prepared
from trifocal.optimizer.progress import Announcer, Step
from trifocal.optimizer.recording import record_smoke
from trifocal.optimizer.report import Judgement, report_json
from trifocal.optimizer.runtimes.backend import Backend, Runner
from trifocal.triton.tensorrt import EngineOrigin

FILES: dict[Runtime, str] = {
    "onnxruntime": "model.onnx",
    "tensorrt": "model.plan",
    "litert": "model.tflite",
    "executorch": "model.pte",
}
"""Names inside an artifact."""


@dataclass(frozen=True, kw_only=True)
class Winner:
    """The best of one target, ready to be published."""

    runtime: Runtime
    measured: Measured
    backend: Backend
    runner: Runner


def winner_of(
    runtime: Runtime, measured: Measured, backend: Backend, prepared: Prepared, threads: int
) -> Winner:
    """Loads the winner once more, as a serving pod or a device will."""
    return Winner(
        runtime=runtime,
        measured=measured,
        backend=backend,
        runner=backend.load(measured.path, prepared.model, threads),
    )


def serving_facts(
    request: OptimizationRequest,
    prepared: Prepared,
    winner: Winner,
    clock: Clock,
    announce: Announcer,
) -> OptimizationResult:
    """Everything that serving needs to know about the winner; not published yet."""
    inputs, outputs = tensors(prepared, winner.runtime)
    engine = winner.measured.facts.get("engine")
    capacity = measure_capacity(
        winner.runner,
        prepared.image,
        batch_sizes(request.batching.max_batch_size),
        clock,
        lambda share: announce.at(Step.CAPACITY, share),
    )
    return OptimizationResult(
        request=request.digest(),
        chosen=winner.measured.name,
        inputs=inputs,
        outputs=outputs,
        engine=None if engine is None else EngineOrigin.model_validate(engine),
        capacity=capacity,
        smoke=record_smoke(winner.runner, inputs),
    )


def publish_served(
    request: OptimizationRequest, store: Store, prepared: Prepared, winner: Winner
) -> str:
    """Publish what Triton serves, and return its digest.

    Raises:
        WorkError: StoreUnwritable or DiskFull.
    """
    files = {FILES[winner.runtime]: winner.measured.path}
    return publish(store, describe(files, _metadata(request, prepared, winner)), files)


def publish_edge(
    request: OptimizationRequest, store: Store, prepared: Prepared, edge: Winner, served: Winner
) -> EdgeArtifact:
    """Publish a device's model, with how alike it answers to what Triton serves.

    Raises:
        WorkError: StoreUnwritable or DiskFull.
    """
    parity = _parity(prepared, edge.runner, served.runner)
    metadata = {
        **_metadata(request, prepared, edge),
        "parity": {"candidate": served.measured.name, "runtime": served.runtime, "share": parity},
    }
    files = {FILES[edge.runtime]: edge.measured.path}
    return EdgeArtifact(
        runtime=edge.runtime,
        artifact=publish(store, describe(files, metadata), files),
        candidate=edge.measured.name,
        size_bytes=edge.measured.size,
        accuracy=round(edge.measured.evidence.metrics[_metric(request)], 6),
        parity=parity,
    )


def record_result(
    store: Store,
    result: OptimizationResult,
    rows: Sequence[Judgement],
    explorations: Sequence[Exploration],
    environment: dict[str, Any],
) -> None:
    """Remember the result under its request; the artifacts are published already.

    Raises:
        WorkError: StoreUnwritable or DiskFull.
    """
    recipe = result.model_dump(mode="json", by_alias=True, exclude_none=True)
    record(store, result.request, recipe, report_json(result, rows, explorations, environment))


def environment(request: OptimizationRequest, backends: Sequence[Backend]) -> dict[str, Any]:
    """What the figures depend on besides the request."""
    return {
        "image": request.optimizer_image,
        "runtimes": [backend.version() for backend in backends],
        "numpy": np.__version__,
        "machine": platform.machine(),
        "threads": request.threads,
    }


def tensors(prepared: Prepared, runtime: Runtime) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
    """Input and output of whatever wins; -1 stands for any batch. Devices take one image."""
    model = prepared.model
    batch = model.fixed_batch or (-1 if runtime in SERVED else 1)
    return (
        (Tensor(name=model.input, dtype="float32", shape=(batch, *model.input_shape)),),
        (Tensor(name=model.output, dtype="float32", shape=(batch, *prepared.answer_shape)),),
    )


def _metric(request: OptimizationRequest) -> str:
    return request.gate.accuracy.metric_of(request.model.task)


def _parity(prepared: Prepared, edge: Runner, served: Runner) -> float:
    """Mean agreement on the evaluation images."""
    data = Data(
        evaluation=prepared.data.evaluation, read=prepared.data.read, batch=prepared.data.batch
    )
    evidence = Examiner(prepared.task, data, served).examine(edge, lambda _share: None)
    whole = next(
        row for row in evidence.agreement if row.dataset == EVALUATION and row.slice is None
    )
    return round(whole.share, 6)


def _metadata(request: OptimizationRequest, prepared: Prepared, winner: Winner) -> dict[str, Any]:
    """What a stranger needs to use the artifact. No times: equal bytes have equal addresses."""
    inputs, outputs = tensors(prepared, winner.runtime)
    engine = winner.measured.facts.get("engine")
    return {
        "candidate": winner.measured.name,
        "runtime": winner.runtime,
        "madeWith": winner.backend.version(),
        "source": request.source.digest,
        "inputs": [tensor.model_dump(mode="json", by_alias=True) for tensor in inputs],
        "outputs": [tensor.model_dump(mode="json", by_alias=True) for tensor in outputs],
        "labels": list(request.model.labels),
        "preprocessing": request.model.preprocessing.model_dump(mode="json", by_alias=True),
        **({} if engine is None else {"engine": engine}),
    }
