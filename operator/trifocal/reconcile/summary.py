"""The texts of `kubectl get`: target, replicas, p99. One line per object, nothing that flickers."""

from trifocal.api.modeldeployment import ModelDeployment
from trifocal.api.serving import Accelerator
from trifocal.api.status import MAX_TARGET, ScalingStatus, SummaryStatus


def summary(
    md: ModelDeployment, *, ready: int, desired: int, scaling: ScalingStatus | None
) -> SummaryStatus:
    """The columns' texts."""
    return SummaryStatus(
        target=_target(md),
        replicas=f"{ready}/{desired}",
        p99=_latency(md, scaling),
    )


def _target(md: ModelDeployment) -> str:
    """Such as onnxruntime/cpu, tensorrt/NVIDIA-L4, or onnxruntime/cpu+litert."""
    optimization, hardware = md.spec.optimization, _hardware(md.spec.serving.accelerator)
    edges = (t.runtime for t in optimization.targets if t is not optimization.served)
    return "+".join((f"{optimization.served.runtime}/{hardware}", *edges))[:MAX_TARGET]


def _hardware(accelerator: Accelerator | None) -> str:
    if accelerator is None:
        return "cpu"
    return "|".join(accelerator.products or (accelerator.product or accelerator.resource,))


def _latency(md: ModelDeployment, scaling: ScalingStatus | None) -> str:
    measured = scaling.inputs.latency_milliseconds if scaling else None
    if measured is None:
        return ""
    percentile = md.spec.scaling.objective.latency.percentile if md.spec.scaling else 99
    which = "" if percentile == 99 else f" (p{percentile})"  # noqa: PLR2004 - the column's name
    return f"{measured:g} ms{which}"
