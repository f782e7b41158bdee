"""Karpenter makes the nodes that models need, of the right kind, and takes them back."""

import json
from typing import Any

import pytest

from tests.autoscalers.fleet import Fleet, manifest
from tests.autoscalers.machines import CAPACITY, H100, L4, POOL, PRODUCT, T4, TYPE, TYPES, gpu_pool
from tests.support.control_plane import ControlPlane

pytestmark = pytest.mark.timeout(300)


def _kind_of_place(fleet: Fleet, name: str) -> dict[str, Any]:
    """What the labels of the one node of a model say."""
    (node,) = fleet.places(name)
    found = fleet.labels(node)
    return {key: found[key] for key in (POOL, TYPE, PRODUCT, CAPACITY)}


def test_each_product_gets_a_node_of_its_own_kind(fleet: Fleet) -> None:
    fleet.apply(manifest("small", T4))
    fleet.apply(manifest("large", L4))
    fleet.until(lambda: fleet.serves("small", 1) and fleet.serves("large", 1))
    # Spot is a third of the price, where the NodePool allows it.
    assert _kind_of_place(fleet, "large") == {
        POOL: "l4",
        TYPE: TYPES["l4"],
        PRODUCT: L4,
        CAPACITY: "spot",
    }
    assert _kind_of_place(fleet, "small") == {
        POOL: "t4",
        TYPE: TYPES["t4"],
        PRODUCT: T4,
        CAPACITY: "on-demand",
    }


def test_nodes_come_with_replicas_and_go_with_them(fleet: Fleet) -> None:
    fleet.apply(manifest("digits", L4, replicas=1))
    fleet.until(lambda: fleet.serves("digits", 1))

    fleet.scale("digits", 3)
    fleet.until(lambda: fleet.serves("digits", 3))
    three = fleet.places("digits")
    assert len(three) == 3, "each machine has one GPU"

    fleet.scale("digits", 1)
    fleet.until(lambda: fleet.serves("digits", 1) and len(fleet.nodes() & three) == 1)
    assert fleet.places("digits") == fleet.nodes() & three, "the pod that stayed was not moved"


@pytest.fixture(name="no_pool_yet")
def _no_pool_yet(plane: ControlPlane) -> Any:
    yield gpu_pool("h100", "on-demand")
    plane.must("delete", "nodepool", "h100", "--ignore-not-found", "--wait=false")


def test_a_product_that_nobody_offers_is_said_and_served_once_it_is_offered(
    plane: ControlPlane, fleet: Fleet, no_pool_yet: Any
) -> None:
    fleet.apply(manifest("digits", H100))

    def is_said() -> bool:
        said = fleet.condition("digits", "Ready").get("message", "")
        # The scheduler's own words, which name what is missing.
        return "didn't match Pod's node affinity/selector" in said or "Insufficient" in said

    fleet.until(is_said)
    assert fleet.condition("digits", "Ready")["status"] == "False"
    plane.must("create", "-f", "-", stdin=json.dumps(no_pool_yet))
    fleet.until(lambda: fleet.serves("digits", 1))
    (node,) = fleet.places("digits")
    assert fleet.labels(node)[TYPE] == TYPES["h100"]
