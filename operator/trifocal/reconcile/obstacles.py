"""What keeps an optimization from starting, or its result from being served. Pure."""

from trifocal.api.condition import Reason
from trifocal.api.modeldeployment import ModelDeployment
from trifocal.optimizer.contract import OptimizationResult
from trifocal.reconcile.observed import Observed
from trifocal.reconcile.pod_trouble import missing_reference
from trifocal.reconcile.trouble import Trouble
from trifocal.resources.optimizer_image import optimizer_image
from trifocal.settings import Settings
from trifocal.triton.images import resolve_image
from trifocal.triton.tensorrt import why_not_loadable

_MISSING_REASONS = {
    "Secret": Reason.SECRET_MISSING,
    "PersistentVolumeClaim": Reason.CLAIM_MISSING,
    "ServiceAccount": Reason.SERVICE_ACCOUNT_MISSING,
}


def missing(observed: Observed) -> Trouble | None:
    """The first object that the spec names and the cluster does not have."""
    for kind, name in observed.missing_references:
        return missing_reference(_MISSING_REASONS[kind], kind, name)
    return None


def unconfigured(md: ModelDeployment, settings: Settings) -> Trouble | None:
    """That the operator lacks the image that this spec's Job needs."""
    image = optimizer_image(md.spec.model, md.spec.optimization, settings)
    if image.reference is not None:
        return None
    return Trouble(
        reason=Reason.IMAGE_NOT_CONFIGURED,
        message=f"This spec needs another optimizer image, for {image.needed_for}; whoever "
        f"installed Trifocal has to set {image.chart_value} in its chart. Or leave out what needs "
        "it.",
    )


def engine_mismatch(
    md: ModelDeployment, result: OptimizationResult | None, settings: Settings
) -> Trouble | None:
    """That Triton would refuse the engine, so that no pod needs to crash to find out."""
    if result is None or result.engine is None:
        return None
    image = resolve_image(md.spec.serving.triton, settings, "tensorrt")
    why = why_not_loadable(result.engine, image)
    return Trouble(reason=Reason.ENGINE_MISMATCH, message=why) if why else None
