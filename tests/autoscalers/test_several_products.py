"""One model on two products: on the dearer one while the cheaper cannot be had, and back."""

from collections.abc import Iterator

import pytest

from tests.autoscalers.fleet import Fleet, Manifest, manifest, selector
from tests.autoscalers.machines import L4, PRODUCT, T4
from tests.autoscalers.readiness import watched

pytestmark = pytest.mark.timeout(600)

SECONDS = 180.0
"""A cheaper pod replaces a dearer one 30 s after it is ready; the rest is for a busy machine."""


def with_products(*products: str, replicas: int) -> Manifest:
    """In that order, which the operator's prices overrule."""
    made = manifest("digits", "", replicas=replicas)
    accelerator = made["spec"]["serving"]["accelerator"]
    del accelerator["product"]
    accelerator["products"] = list(products)
    return made


@pytest.fixture(name="cheap")
def _cheap(fleet: Fleet) -> Iterator[str]:
    """The NodePool of the cheaper product, as every other test expects it afterwards."""
    yield "t4"
    fleet.limit("t4", None)


def told(fleet: Fleet) -> dict[str, tuple[int, int, int]]:
    """Pods on nodes, ready ones and waiting ones of each product, by status."""
    status = fleet.model("digits").get("status", {})
    return {
        each["product"]: (each["replicas"], each["readyReplicas"], each["waitingReplicas"])
        for each in status.get("products", ())
    }


def is_on(fleet: Fleet, product: str) -> bool:
    """Whether two pods serve, both there."""
    nodes = fleet.places("digits")
    return fleet.serves("digits", 2) and {fleet.labels(n)[PRODUCT] for n in nodes} == {product}


def has_two(fleet: Fleet, product: str) -> bool:
    """Whether two are ready there, and none elsewhere; others may wait."""
    counted = told(fleet)
    return counted.get(product, ())[:2] == (2, 2) and sum(r for _, r, _ in counted.values()) == 2


def test_the_dearer_product_serves_while_the_cheaper_cannot_be_had(
    fleet: Fleet, cheap: str
) -> None:
    fleet.limit(cheap, 0)
    fleet.apply(with_products(L4, T4, replicas=2))
    fleet.until(lambda: has_two(fleet, L4), SECONDS)
    assert told(fleet) == {T4: (0, 0, 2), L4: (2, 2, 0)}
    assert [p["product"] for p in fleet.model("digits")["status"]["products"]] == [T4, L4]
    available = fleet.condition("digits", "Available")
    assert available["reason"] == "DearerProduct"
    assert (
        "2 of 2 run on NVIDIA-L4, because no node with Tesla-T4 has room." in available["message"]
    )
    assert fleet.condition("digits", "Ready")["status"] == "True"

    with watched(fleet.plane, fleet.namespace, selector("digits"), pods=2) as seen:
        seen.tell("machines with the cheaper product can be had again")
        fleet.limit(cheap, None)
        fleet.until(lambda: is_on(fleet, T4), SECONDS)
    assert seen.fewest == 2, "never fewer than are wanted"
    assert fleet.condition("digits", "Available")["reason"] == "PodsReady"

    lost = fleet.places("digits")
    with watched(fleet.plane, fleet.namespace, selector("digits"), pods=2) as again:
        again.tell("both spot machines are lost, and no other can be had")
        fleet.limit(cheap, 0)
        fleet.take_away("digits", lost)
        fleet.until(lambda: has_two(fleet, L4), SECONDS)
    # The transcript of docs/autoscalers.md.
    print("\n".join(["", *seen.story, "", *again.story]))  # noqa: T201
    # No second optimization for it: the artifact is where it was.
    assert len(fleet.pods("digits", "optimization")) == 1
