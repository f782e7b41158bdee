"""What the API server does not let us write: whose trouble that is, and in which words."""

from collections.abc import Iterable

from trifocal.api import names
from trifocal.api.condition import Reason
from trifocal.api.modeldeployment import ModelDeployment
from trifocal.reconcile.observed import NAME_TAKEN, Observed, Refusal
from trifocal.reconcile.trouble import Trouble, sentence


def refused_optimization(md: ModelDeployment, observed: Observed) -> Trouble | None:
    """The first refused child that the optimization needs."""
    return _first(r for r in observed.refusals if _is_optimizations(md, r))


def refused_serving(md: ModelDeployment, observed: Observed) -> Trouble | None:
    """The first refused child that serving needs."""
    others = (r for r in observed.refusals if not _is_optimizations(md, r))
    return _first(r for r in others if not _is_headrooms(md, r))


def refused_headroom(md: ModelDeployment, observed: Observed) -> Trouble | None:
    """The refused Deployment of placeholders: the model serves without them."""
    return _first(r for r in observed.refusals if _is_headrooms(md, r))


def _is_optimizations(md: ModelDeployment, refusal: Refusal) -> bool:
    """Names of revisions go on with a hexadecimal digit, so `-opt` is never one's beginning."""
    return refusal.name.startswith(f"{md.metadata.name}-opt")


def _is_headrooms(md: ModelDeployment, refusal: Refusal) -> bool:
    return (refusal.kind, refusal.name) == ("Deployment", names.headroom(md.metadata.name))


def _first(refusals: Iterable[Refusal]) -> Trouble | None:
    refusal = next(iter(refusals), None)
    if refusal is None:
        return None
    if refusal.reason == NAME_TAKEN:
        return Trouble(reason=Reason.NAME_TAKEN, message=sentence(refusal.message))
    return Trouble(
        reason=Reason.POD_REFUSED,
        message=f"The API server refuses {refusal.kind} {refusal.name} ({refusal.reason}): "
        f"{sentence(refusal.message)}",
    )
