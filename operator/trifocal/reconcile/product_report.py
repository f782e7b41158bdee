"""What is told about several GPU products: the pods on each, and why not all run on the cheapest.

Nothing in it is the scheduler's words: those change with every node that comes or goes, and a model
may serve from its second choice for days.
"""

from collections.abc import Iterable, Sequence

from trifocal.api.modeldeployment import ModelDeployment
from trifocal.api.status import MAX_PRODUCTS, MAX_TEXT, ProductStatus
from trifocal.reconcile.assessment import Assessment
from trifocal.reconcile.children import (
    annotation,
    is_ready,
    is_scheduled,
    product_of,
    unscheduled,
)
from trifocal.reconcile.engines import ARTIFACT_ANNOTATION, unavailable
from trifocal.reconcile.observed import Manifest
from trifocal.reconcile.optimizing import Optimization
from trifocal.reconcile.products import Division, in_order
from trifocal.reconcile.revisions import Revision
from trifocal.reconcile.trouble import sentence
from trifocal.resources.products import has_products, products_of
from trifocal.settings import Settings


def product_status(
    md: ModelDeployment, shown: Revision | None, found: Assessment, settings: Settings
) -> tuple[ProductStatus, ...] | None:
    """The pods of a revision by product; None where there is nothing to choose from."""
    if not has_products(md):
        return None
    deployments = {product_of(each): each for each in (shown.deployments if shown else ())}
    missing = dict(unavailable(found.optimizations))
    products = [product for product in (*deployments, *missing) if product]
    if not products:
        return None
    return tuple(
        ProductStatus(
            product=product,
            **_counts(shown.pods if shown else (), product),
            price_per_hour=settings.accelerator_prices.get(product),
            artifact=annotation(deployments[product], ARTIFACT_ANNOTATION)
            if product in deployments
            else None,
            message=missing[product][:MAX_TEXT] if product in missing else None,
        )
        for product in in_order(products, products_of(md), settings.accelerator_prices)
        if product
    )[:MAX_PRODUCTS]


def without_engine(optimizations: Sequence[Optimization]) -> str:
    """Which products no pod can run on yet, and why, where others have their engine."""
    told = (
        f"No engine for {each} yet: {sentence(why)}" for each, why in unavailable(optimizations)
    )
    return " ".join(told)


def _counts(pods: Iterable[Manifest], product: str) -> dict[str, int]:
    mine = [pod for pod in pods if product_of(pod) == product]
    return {
        "replicas": sum(map(is_scheduled, mine)),
        "ready_replicas": sum(map(is_ready, mine)),
        "waiting_replicas": sum(unscheduled(pod) is not None for pod in mine),
    }


def on_dearer_products(revision: Revision, division: Division) -> str:
    """How many pods run on other products than the cheapest, and why; empty where all do."""
    cheapest = division.shares[0]
    dearer = [pod for pod in revision.ready if product_of(pod) != cheapest.product]
    if not dearer:
        return ""
    where = " and ".join(sorted({product_of(pod) or "" for pod in dearer}))
    why = (
        f"until others on {cheapest.product} have been ready for a while"
        if cheapest.has_room
        else f"because no node with {cheapest.product} has room"
    )
    verb = "runs" if len(dearer) == 1 else "run"
    return f"{len(dearer)} of {len(revision.ready)} {verb} on {where}, {why}."


def distinct_pods(revision: Revision, desired: int) -> int:
    """Pods of a revision, without those that wait while a pod on another product stands in."""
    placed = sum(map(is_scheduled, revision.pods))
    is_divided = len(revision.deployments) > 1
    return min(len(revision.pods), max(placed, desired)) if is_divided else len(revision.pods)
