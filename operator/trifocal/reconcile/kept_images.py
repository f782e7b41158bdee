"""What an upgrade of Trifocal leaves as it is: the images that things were made with.

A new release has new images. What was made with the old ones is still good: a finished
optimization is not repeated, and pods that serve are not started again. A new spec, a failure and
a new revision take the present images.
"""

from collections.abc import Iterator

from trifocal.api.modeldeployment import ModelDeployment
from trifocal.api.schema import GROUP
from trifocal.optimizer.contract import OptimizationRequest
from trifocal.reconcile.children import annotation, has_condition, request_of
from trifocal.reconcile.observed import Manifest, Observed
from trifocal.reconcile.obstacles import engine_mismatch
from trifocal.resources.optimization_job import build_request
from trifocal.settings import Settings

OPERATOR_IMAGE_ANNOTATION = f"{GROUP}/operator-image"
"""On a revision's Deployment: the operator's image that its pods fetch with and run the front from.
The revision's hash leaves it out. Without the annotation the pods get the present image."""
OPTIMIZER_IMAGE_ANNOTATION = f"{GROUP}/optimizer-image"
"""On a Job and its recorded result: the image that works or has worked. It is in the request's
digest, so it tells which of two requests differs in nothing else."""


def serving_settings(settings: Settings, deployment: Manifest | None) -> Settings:
    """The settings for a revision's pods: with the image that they were made with."""
    image = deployment and annotation(deployment, OPERATOR_IMAGE_ANNOTATION)
    return settings.model_copy(update={"operator_image": image}) if image else settings


def settled_request(
    md: ModelDeployment, observed: Observed, settings: Settings
) -> tuple[OptimizationRequest, str]:
    """The request that this spec's optimization answers, and its digest, which is dear.

    It is the present one, unless another optimizer image is at work on the same, or has found
    what can be served: then that image's.
    """
    request = build_request(md, settings)
    present = request, request.digest()
    if _is_answered(md, present[1], observed, settings):
        return present
    for child, older, digest in _older(request, observed):
        if _is_at_work(child, observed) or _is_answered(md, digest, observed, settings):
            return older, digest
    return present


def _older(
    request: OptimizationRequest, observed: Observed
) -> Iterator[tuple[Manifest, OptimizationRequest, str]]:
    """What was made for the same request by other images, and it with its digest; newest first."""
    made = (*observed.jobs, *observed.config_maps)
    for child in sorted(made, key=_created, reverse=True):
        image = annotation(child, OPTIMIZER_IMAGE_ANNOTATION)
        if image is None or image == request.optimizer_image:
            continue
        older = request.model_copy(update={"optimizer_image": image})
        digest = older.digest()
        if digest == request_of(child):
            yield child, older, digest


def _created(child: Manifest) -> str:
    """RFC 3339 in UTC sorts as text."""
    return str(child["metadata"].get("creationTimestamp", ""))


def _is_answered(md: ModelDeployment, digest: str, observed: Observed, settings: Settings) -> bool:
    result = observed.results.get(digest)
    return (
        result is not None
        and result.artifact is not None
        and engine_mismatch(md, result, settings) is None
    )


def _is_at_work(child: Manifest, observed: Observed) -> bool:
    has_told = (request_of(child) or "") in observed.results
    return child in observed.jobs and not has_told and not has_condition(child, "Failed")
