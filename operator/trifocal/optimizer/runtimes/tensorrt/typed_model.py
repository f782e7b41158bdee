"""Writes a precision into the ONNX file: TensorRT computes in the types that it finds there."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from trifocal.api.techniques import Precision
from trifocal.optimizer.runtimes.backend import BuildError, Order

TYPED_AT = 0.5
"""Share of a build when the precision is in the ONNX file and TensorRT begins; a rough guess."""


@dataclass(frozen=True, kw_only=True)
class Typed:
    """An ONNX file whose tensors have the precision's types."""

    path: Path
    notes: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)


def _float32(order: Order) -> Typed:
    return Typed(path=order.model.path)


def _float16(order: Order) -> Typed:
    from trifocal.optimizer.quantization.float16 import float16  # noqa: PLC0415 - heavy

    target = order.folder / "float16.onnx"
    return Typed(path=target, notes=float16(order.model.path, target))


def _int8(order: Order) -> Typed:
    from trifocal.optimizer.quantization.symmetric import symmetric_int8  # noqa: PLC0415 - heavy

    calibration = order.calibration
    if calibration is None:
        raise BuildError("int8 is calibrated, and spec.optimization.datasets.calibration is unset")
    count = len(calibration.images)
    target = order.folder / "int8.onnx"
    symmetric_int8(
        order.model.path,
        target,
        calibration,
        order.model.input,
        order.recipe.calibration or "minmax",
        per_channel=order.recipe.per_channel,
        exclude=order.recipe.keep_float,
        progress=lambda done: order.report(
            TYPED_AT * done / count, f"calibrating, image {done + 1} of {count}"
        ),
    )
    return Typed(path=target, notes=_kept_float(order))


def _int8_trained(order: Order) -> Typed:
    if order.lesson is None:
        raise BuildError("int8-qat is trained, and spec.optimization.datasets.training is unset")
    from trifocal.optimizer.compression.qat import qat_onnx  # noqa: PLC0415 - heavy

    trained = qat_onnx(
        order.model,
        order.lesson,
        order.folder,
        lambda share, detail: order.report(TYPED_AT * share, detail),
        symmetric=True,
        per_channel=order.recipe.per_channel,
    )
    return Typed(path=trained.path, notes=trained.notes, facts=trained.facts)


def _kept_float(order: Order) -> tuple[str, ...]:
    kept = order.recipe.keep_float
    return (f"layers that stay in float: {', '.join(kept)}.",) if kept else ()


TYPED: Mapping[Precision, Callable[[Order], Typed]] = {
    "fp32": _float32,
    "fp16": _float16,
    "int8": _int8,
    "int8-qat": _int8_trained,
}
"""How each precision that TensorRT takes is made."""
