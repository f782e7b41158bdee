"""Which of several GPU products runs how many pods of a revision: the policy of choice.

Products are in order, the cheapest first. Each has a Deployment of its own behind the one Service,
and each pass divides the wanted pods anew, from nothing but what the Deployments ask for and where
their pods are:

| product                                    | asks for                                      |
|--------------------------------------------|-----------------------------------------------|
| the cheapest                               | all pods, always: those that wait cost        |
|                                            | nothing and go on asking for machines         |
| a dearer one                               | what those before it have no room for         |
| ... none of whose pods is needed any more  | those that are not replaced yet by ready pods |
|                                            | of the products before it; none that waits    |
| one that the spec names no more            | the same, and nothing new                     |

A product has no room while one of its pods has waited for a node longer than the patience; then
only pods on nodes count, and one more pod is asked of the next product at once. What starts on a
node counts for what is still to be asked, but gives nothing back: that takes pods that have been
ready for `SETTLED_AFTER`. So between the two nothing moves, and where machines come and go:

| the cheaper product's pod             | the dearer product's pod                           |
|---------------------------------------|----------------------------------------------------|
| is lost, its successor waits          | is asked for after the patience                    |
| gets a node, starts                   | stays if it has a node, is withdrawn if it waits   |
| is lost again before it is settled    | stays                                              |
| is ready, for less than the time      | stays                                              |
| is settled                            | goes                                               |
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import inf

from trifocal.reconcile.children import (
    condition,
    instant,
    is_ready,
    is_scheduled,
    product_of,
    replicas_of,
    unscheduled,
    unscheduled_since,
)
from trifocal.reconcile.observed import Manifest
from trifocal.reconcile.revisions import Revision
from trifocal.resources.products import Product

SETTLED_AFTER = timedelta(seconds=30)
"""As long as a revision that lost the traffic is held: changes of endpoints have reached every node
by then, and what crashes as it gets its first requests has done so."""


@dataclass(frozen=True, kw_only=True)
class Stock:
    """One product's part of a revision, counted."""

    product: Product
    is_named: bool = True
    """Whether the spec names it, so that pods may be added."""
    asked: int = 0
    """Pods that its Deployment asks for."""
    waiting: int = 0
    """Pods that no node takes."""
    placed: int = 0
    """Pods that have a node."""
    settled: int = 0
    """Pods that have been ready for `SETTLED_AFTER`."""
    has_room: bool = True
    """Whether none has waited longer than the patience."""


@dataclass(frozen=True, kw_only=True)
class Share:
    """What one product's Deployment is to ask for."""

    product: Product
    replicas: int
    has_room: bool


@dataclass(frozen=True, kw_only=True)
class Division:
    """The pods of a revision, divided."""

    shares: tuple[Share, ...]
    """The cheapest first."""
    lacking: int
    """Pods that no product has room for."""


def divided(stocks: Sequence[Stock], pods: int) -> Division:
    """How many pods each product is to have; `stocks` are in order."""
    lacking = unreplaced = pods
    shares = []
    for stock in stocks:
        kept = min(max(stock.asked - stock.waiting, 0), unreplaced)
        asks = max(lacking if stock.is_named else 0, kept)
        shares.append(Share(product=stock.product, replicas=asks, has_room=stock.has_room))
        lacking = max(lacking - (asks if stock.has_room else min(stock.placed, asks)), 0)
        unreplaced = max(unreplaced - stock.settled, 0)
    return Division(shares=tuple(shares), lacking=lacking)


def in_order(
    products: Iterable[Product], named: Sequence[Product], prices: Mapping[str, float]
) -> tuple[Product, ...]:
    """Each once: by price, those without one last; then as the spec names them.

    What it names no more comes after all else: it must not stand in for what is to replace it.
    """

    def place(product: Product) -> tuple[bool, float, int, str]:
        nth = named.index(product) if product in named else len(named)
        return product not in named, prices.get(product or "", inf), nth, product or ""

    return tuple(sorted(set(products), key=place))


def counted(
    revision: Revision | None,
    products: Iterable[Product],
    named: Sequence[Product],
    *,
    patience: timedelta,
    now: datetime,
) -> tuple[Stock, ...]:
    """What each product has of the revision, in the same order."""
    deployments = {product_of(d): d for d in (revision.deployments if revision else ())}
    stocks = []
    for product in products:
        deployment = deployments.get(product)
        pods = [pod for pod in (revision.pods if revision else ()) if product_of(pod) == product]
        stocks.append(
            Stock(
                product=product,
                is_named=product in named,
                asked=0 if deployment is None else replicas_of(deployment),
                waiting=sum(unscheduled(pod) is not None for pod in pods),
                placed=sum(is_scheduled(pod) for pod in pods),
                settled=sum(now - since >= SETTLED_AFTER for since in _ready_since(pods)),
                has_room=all(now - since < patience for since in _waiting_since(pods)),
            )
        )
    return tuple(stocks)


def until_changes(
    revision: Revision | None, *, patience: timedelta, now: datetime
) -> Iterator[timedelta]:
    """Times until a pod has waited, or has been ready, for long enough to matter."""
    if revision is None or len(revision.deployments) < 2:  # noqa: PLR2004 - nothing to choose
        return
    ends = [since + patience for since in _waiting_since(revision.pods)]
    ends += [since + SETTLED_AFTER for since in _ready_since(revision.pods)]
    yield from (end - now for end in ends if end > now)


def _waiting_since(pods: Iterable[Manifest]) -> Iterator[datetime]:
    times = (unscheduled_since(pod) for pod in pods)
    return (since for since in times if since)


def _ready_since(pods: Iterable[Manifest]) -> Iterator[datetime]:
    found = (condition(pod, "Ready") for pod in pods if is_ready(pod))
    return (instant(ready["lastTransitionTime"]) for ready in found if ready)
