"""One optimization for each GPU product, where each needs a TensorRT engine of its own.

An engine is code for one product. So the object is looked at as if it named one product alone, once
for each, and every such view has a request, a Job and a result like any other. They make one
revision: its hash covers the recipe, which is the same for all, and not the engines. A product
whose engine comes later joins what serves; one that has none is not available for pods.

| engines                               | the optimization that status and conditions speak of |
|---------------------------------------|------------------------------------------------------|
| one is done                           | the cheapest product's that is                       |
| none is done, not all are in trouble  | the cheapest product's that is not                   |
| all are in trouble                    | the cheapest product's                               |

A Deployment keeps the engine that it was made with: another one of the same recipe passed the same
gate, and is no reason to start pods again.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from trifocal.api.modeldeployment import ModelDeployment
from trifocal.api.schema import GROUP
from trifocal.optimizer.contract import OptimizationResult
from trifocal.reconcile import optimizing
from trifocal.reconcile.children import annotation, product_of, uid_of
from trifocal.reconcile.kept_images import settled_request
from trifocal.reconcile.observed import Observed
from trifocal.reconcile.optimizing import Optimization
from trifocal.reconcile.products import in_order
from trifocal.reconcile.revisions import Revision, read_revision
from trifocal.resources.optimization_job import build_request
from trifocal.resources.products import Product, builds_engines, optimized_for, products_of
from trifocal.resources.revision import revision_hash
from trifocal.settings import Settings
from trifocal.triton.images import TritonImage

ARTIFACT_ANNOTATION = f"{GROUP}/artifact"
"""On the Deployments of a revision with several engines: the one that its pods fetch."""


def assess(
    md: ModelDeployment, observed: Observed, settings: Settings, now: datetime
) -> tuple[Optimization, ...]:
    """Every optimization that the spec asks for: one, or one for each product, cheapest first."""
    return tuple(
        replace(optimizing.assess(view, observed, settings, now), product=product)
        for product, view in _views(md, settings)
    )


def _views(md: ModelDeployment, settings: Settings) -> Iterator[tuple[Product, ModelDeployment]]:
    """The object as each of its optimizations sees it, the cheapest product's first."""
    views = dict(optimized_for(md))
    for product in in_order(views, products_of(md), settings.accelerator_prices):
        yield product, views[product]


def leading(optimizations: Sequence[Optimization]) -> Optimization:
    """The one that status and conditions speak of."""
    done = (each for each in optimizations if each.artifact is not None)
    untroubled = (each for each in optimizations if each.trouble is None)
    return next(done, None) or next(untroubled, None) or optimizations[0]


def wanted_hash(
    md: ModelDeployment, result: OptimizationResult, image: TritonImage, settings: Settings
) -> str:
    """Whole hash of the revision that the spec asks for, once it has an artifact."""
    if builds_engines(md):
        request = build_request(md, settings).model_copy(update={"optimizer_image": ""})
        result = result.model_copy(update={"artifact": request.digest()})
    return revision_hash(md, result, image, settings)


def available(
    md: ModelDeployment, optimizations: Sequence[Optimization], revision: Revision | None
) -> Mapping[Product, OptimizationResult]:
    """What the pods on each product are to serve; a product without it is not in there."""
    done = {each.product: result for each in optimizations if (result := each.artifact)}
    if not done:
        return {}
    first = next(iter(done.values()))
    if not builds_engines(md):
        return dict.fromkeys(products_of(md), first)
    for deployment in revision.deployments if revision else ():
        kept, product = annotation(deployment, ARTIFACT_ANNOTATION), product_of(deployment)
        if kept is not None:
            # Of one recipe all take and give the same tensors, which is all that a pod needs.
            done[product] = done.get(product, first).model_copy(update={"artifact": kept})
    return done


def expected(
    md: ModelDeployment,
    observed: Observed,
    revision: str,
    pods: Iterable[str],
    settings: Settings,
) -> Mapping[str, OptimizationResult | None]:
    """The result whose recorded answers each of a revision's pods is to give; all by uid."""
    if not builds_engines(md):
        return dict.fromkeys(pods, _settled_result(md, observed, settings))
    found = read_revision(observed, revision)
    by_artifact = {result.artifact: result for result in observed.results.values()}
    return {
        uid_of(pod): by_artifact.get(annotation(deployment, ARTIFACT_ANNOTATION))
        for deployment in found.deployments
        for pod in found.pods_of(deployment)
    }


def measured(
    md: ModelDeployment, observed: Observed, settings: Settings
) -> OptimizationResult | None:
    """The result whose capacity the scaler knows pods by: of the cheapest product that has one."""
    found = (_settled_result(view, observed, settings) for _, view in _views(md, settings))
    return next((result for result in found if result is not None and result.artifact), None)


def _settled_result(
    md: ModelDeployment, observed: Observed, settings: Settings
) -> OptimizationResult | None:
    _, digest = settled_request(md, observed, settings)
    return observed.results.get(digest)


def unavailable(optimizations: Sequence[Optimization]) -> Iterator[tuple[Product, str]]:
    """Products that have no engine, each with why."""
    for each in optimizations:
        if each.product is not None and each.artifact is None:
            trouble = each.trouble
            yield each.product, trouble.message if trouble else "Its engine is being built."
