"""The texts of `kubectl get`: target, replicas, p99. One line per object, nothing that flickers."""

from trifocal.api.modeldeployment import ModelDeployment
from trifocal.api.status import ScalingStatus, SummaryStatus


def summary(
    md: ModelDeployment, *, ready: int, desired: int, scaling: ScalingStatus | None
) -> SummaryStatus:
    """The columns' texts."""
    target = md.spec.optimization.target
    return SummaryStatus(
        target=f"{target.runtime}/{target.processor}",
        replicas=f"{ready}/{desired}",
        p99=_latency(md, scaling),
    )


def _latency(md: ModelDeployment, scaling: ScalingStatus | None) -> str:
    measured = scaling.inputs.latency_milliseconds if scaling else None
    if measured is None:
        return ""
    percentile = md.spec.scaling.objective.latency.percentile if md.spec.scaling else 99
    which = "" if percentile == 99 else f" (p{percentile})"  # noqa: PLR2004 - the column's name
    return f"{measured:g} ms{which}"
