"""Last steps: the winner's capacity and answers, the published artifact, the recorded result."""

import platform
import time
from typing import Any

import numpy as np

from trifocal.artifacts.manifest import MODEL
from trifocal.artifacts.publication import describe, publish, record
from trifocal.artifacts.store import Store
from trifocal.optimizer.capacity import batch_sizes, measure_capacity
from trifocal.optimizer.contract import OptimizationRequest, OptimizationResult, Tensor
from trifocal.optimizer.measured import Measured
from trifocal.optimizer.preparation import Prepared
from trifocal.optimizer.progress import Announcer, Step
from trifocal.optimizer.recording import record_smoke
from trifocal.optimizer.report import Judgement, candidate_statuses, report_json
from trifocal.optimizer.runtime import OnnxRunner


def summarize(
    request: OptimizationRequest,
    prepared: Prepared,
    winner: Measured,
    rows: tuple[Judgement, ...],
    announce: Announcer,
) -> OptimizationResult:
    """Everything that serving needs to know about the winner; not published yet."""
    runner = OnnxRunner(winner.path, prepared.model.output, request.threads)
    inputs, outputs = _tensors(request, prepared)
    capacity = measure_capacity(
        runner,
        prepared.image,
        batch_sizes(request.batching.max_batch_size),
        time.perf_counter,
        lambda share: announce.at(Step.CAPACITY, share),
    )
    return OptimizationResult(
        request=request.digest(),
        chosen=winner.name,
        candidates=candidate_statuses(rows, request.gate),
        inputs=inputs,
        outputs=outputs,
        capacity=capacity,
        smoke=record_smoke(runner, inputs),
    )


def publish_and_record(
    request: OptimizationRequest,
    store: Store,
    summary: OptimizationResult,
    winner: Measured,
    rows: tuple[Judgement, ...],
) -> OptimizationResult:
    """Publish the artifact, then remember the result with its address.

    Raises:
        WorkError: StoreUnwritable or DiskFull.
    """
    files = {MODEL: winner.path}
    digest = publish(store, describe(files, _metadata(request, summary)), files)
    result = summary.model_copy(update={"artifact": digest})
    recipe = result.model_dump(mode="json", by_alias=True, exclude_none=True)
    record(store, result.request, recipe, report_json(result, rows, _environment(request)))
    return result


def _tensors(
    request: OptimizationRequest, prepared: Prepared
) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
    model = prepared.model
    batch = model.fixed_batch or -1
    return (
        (Tensor(name=model.input, dtype="float32", shape=(batch, *model.input_shape)),),
        (Tensor(name=model.output, dtype="float32", shape=(batch, len(request.model.labels))),),
    )


def _metadata(request: OptimizationRequest, summary: OptimizationResult) -> dict[str, Any]:
    """What a stranger needs to use the artifact. No times: equal bytes have equal addresses."""
    return {
        "candidate": summary.chosen,
        "runtime": request.target.runtime,
        "source": request.source.digest,
        "inputs": [tensor.model_dump(mode="json", by_alias=True) for tensor in summary.inputs],
        "outputs": [tensor.model_dump(mode="json", by_alias=True) for tensor in summary.outputs],
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
