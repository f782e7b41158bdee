"""Engines of the target tensorrt, built without a GPU: their size, and what their graphs answer.

TensorRT for RTX has TensorRT's parser and its strongly typed builder, and needs a GPU only to run
an engine. So an engine here is built and never run: there is no latency, nothing is chosen, and the
accuracy is that of the typed ONNX file that the engine was made of, run by ONNX Runtime.
"""

import importlib
from collections.abc import Callable
from pathlib import Path

from benchmarks.optimization.comparison import Judges, Row, failed
from trifocal.api.techniques import CALIBRATED, CalibrationMethod, Precision
from trifocal.optimizer.gates import verdict
from trifocal.optimizer.recipe import Recipe
from trifocal.optimizer.report import least_agreement
from trifocal.optimizer.runtimes.backend import BuildError, ModelRunError, Order
from trifocal.optimizer.runtimes.onnxruntime import OnnxRuntime
from trifocal.optimizer.runtimes.tensorrt.backend import TensorRT
from trifocal.optimizer.runtimes.tensorrt.cuda import Driver
from trifocal.optimizer.runtimes.tensorrt.typed_model import TYPED

PRECISIONS: tuple[Precision, ...] = ("fp32", "fp16", "int8")
MAX_BATCH = 8


def engine_rows(judges: Judges, folder: Path) -> list[Row]:
    """A row for each precision that needs no training."""
    rtx = importlib.import_module("tensorrt_rtx_bindings")
    backend = TensorRT(rtx, Driver, folder)
    rows = []
    for precision in PRECISIONS:
        work = folder / f"tensorrt-{precision}"
        work.mkdir()
        try:
            rows.append(_row(judges, backend, precision, work))
        except (BuildError, ModelRunError) as error:
            rows.append(failed(judges, "tensorrt", f"engine {precision}", str(error)))
    return rows


def _row(judges: Judges, backend: TensorRT, precision: Precision, work: Path) -> Row:
    method: CalibrationMethod | None = "minmax" if precision in CALIBRATED else None
    order = order_for(judges, precision, work, method, lambda _share, _detail: None)
    model = judges.prepared.model
    size = backend.build(order, work / "model.plan").path.stat().st_size
    graph = TYPED[precision](order).path
    runner = OnnxRuntime().load(graph, model, judges.threads)
    evidence = judges.examiner.examine(runner, lambda _share: None)
    missed = verdict.missed(evidence, judges.source, judges.gate, judges.metric)
    return Row(
        model=judges.model,
        target="tensorrt",
        candidate=f"engine {precision}",
        accuracy=evidence.metrics[judges.metric],
        agreement=least_agreement(evidence),
        milliseconds=None,
        size=size,
        passes=not missed,
        why="; ".join(("built, not run; accuracy is that of its ONNX file", *missed)),
    )


def order_for(
    judges: Judges,
    precision: Precision,
    work: Path,
    method: CalibrationMethod | None,
    report: Callable[[float, str], None],
) -> Order:
    """One engine of the source itself."""
    return Order(
        model=judges.prepared.model,
        recipe=Recipe(runtime="tensorrt", precision=precision, calibration=method),
        calibration=judges.prepared.calibration,
        max_batch=MAX_BATCH,
        folder=work,
        report=report,
    )
