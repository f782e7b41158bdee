"""How many pods each Deployment of a revision asks for while the traffic moves.

| revision                      | replicas                                             |
|-------------------------------|------------------------------------------------------|
| wanted, refused               | 0: it costs nothing while it waits for a new spec    |
| wanted                        | desired; one at least until it has proved itself,    |
|                               | see `resting`                                        |
| serving, not wanted           | desired, less what it gave up for the wanted one     |
| had the traffic before        | unchanged until the drain hold ends                  |

Where any of several GPU products would do, these are divided among them (`products`); not those of
a revision that gives up pods: what has been given must not be asked of another product.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from trifocal.api.modeldeployment import ModelDeployment
from trifocal.reconcile.children import product_of, replicas_of
from trifocal.reconcile.observed import Manifest
from trifocal.reconcile.products import Division, counted, divided, in_order
from trifocal.reconcile.revisions import Revision, gave_room
from trifocal.reconcile.rollout import Rollout
from trifocal.resources.products import Product, products_of
from trifocal.settings import Settings


def wanted_size(rollout: Rollout, wanted_pods: int) -> int:
    """Pods of the wanted revision."""
    return 0 if rollout.refused else wanted_pods


def patience(settings: Settings) -> timedelta:
    """How long a pod waits for a node before another product takes its place."""
    return timedelta(seconds=settings.accelerator_patience_seconds)


def wanted_division(
    md: ModelDeployment,
    rollout: Rollout,
    available: tuple[Product, ...],
    pods: int,
    settings: Settings,
    now: datetime,
) -> Division:
    """The wanted revision's pods by product; `available` are those that have what they serve."""
    return _division(md, rollout.wanted, available, pods, settings, now)


def serving_sizes(
    md: ModelDeployment,
    rollout: Rollout,
    giver: Manifest | None,
    desired: int,
    settings: Settings,
    now: datetime,
) -> Iterator[tuple[Manifest, int]]:
    """Pods of the revision that has the traffic, where that is not the wanted one.

    `giver` is its Deployment that gives up a pod now (`make_room`).
    """
    wanted, serving = rollout.wanted, rollout.serving
    if serving is None:
        return
    if giver is not None or _has_given(serving, wanted, rollout):
        for deployment in serving.deployments:
            stays = serving.held_by(giver) - 1 if giver is deployment else replicas_of(deployment)
            yield deployment, min(desired, stays)
        return
    named = tuple(product_of(deployment) for deployment in serving.deployments)
    division = _division(md, serving, named, desired, settings, now)
    sizes = {share.product: share.replicas for share in division.shares}
    for deployment in serving.deployments:
        yield deployment, sizes[product_of(deployment)]


def _has_given(serving: Revision, wanted: Revision | None, rollout: Rollout) -> bool:
    return wanted is not None and not rollout.refused and gave_room(serving, wanted)


def _division(
    md: ModelDeployment,
    revision: Revision | None,
    named: tuple[Product, ...],
    pods: int,
    settings: Settings,
    now: datetime,
) -> Division:
    ordered = in_order((*named, *_products(revision)), products_of(md), settings.accelerator_prices)
    stocks = counted(revision, ordered, named, patience=patience(settings), now=now)
    return divided(stocks, pods)


def _products(revision: Revision | None) -> Iterable[Product]:
    return (product_of(deployment) for deployment in (revision.deployments if revision else ()))
