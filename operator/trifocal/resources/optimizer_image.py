"""Which optimizer image a ModelDeployment's Job needs, and whether the operator has it. Pure.

| image    | what for                                                                        |
|----------|---------------------------------------------------------------------------------|
| light    | ONNX models for ONNX Runtime, without training: no torch in it                   |
| extended | other formats, litert, executorch, pruning, students, int8-qat                   |
| tensorrt | tensorrt: the extended one with the TensorRT of the Triton that serves the engine |
"""

from dataclasses import dataclass

from trifocal.api.model import ModelSpec
from trifocal.api.optimization import OptimizationSpec
from trifocal.settings import Settings


@dataclass(frozen=True, kw_only=True)
class OptimizerImage:
    """One of the operator's images for optimization Jobs."""

    reference: str | None
    """None where whoever installed the operator has not set it."""
    chart_value: str
    """What to set in the chart."""
    needed_for: str
    """Which part of the spec asks for it."""


def optimizer_image(
    model: ModelSpec, optimization: OptimizationSpec, settings: Settings
) -> OptimizerImage:
    """The smallest image that can do the work."""
    if any(target.runtime == "tensorrt" for target in optimization.targets):
        return OptimizerImage(
            reference=settings.optimizer_tensorrt_image,
            chart_value="optimizer.tensorrtImage",
            needed_for="target tensorrt",
        )
    if why := _beyond_light(model, optimization):
        return OptimizerImage(
            reference=settings.optimizer_extended_image,
            chart_value="optimizer.extendedImage",
            needed_for=why,
        )
    return OptimizerImage(
        reference=settings.optimizer_image,
        chart_value="optimizer.image",
        needed_for="every optimization",
    )


def _beyond_light(model: ModelSpec, optimization: OptimizationSpec) -> str:
    """What of the spec the light image cannot do; empty when it can do everything."""
    for target in optimization.targets:
        if target.runtime != "onnxruntime":
            return f"target {target.runtime}"
    if model.format != "onnx":
        return f"format {model.format}"
    if optimization.pruning:
        return "pruning"
    if optimization.distillation.students:
        return "distillation.students"
    return "precision int8-qat" if "int8-qat" in optimization.precisions else ""
