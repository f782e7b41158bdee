"""Placeholders get nodes of their own, and a replica takes such a node at once."""

from typing import Any

import pytest

from tests.autoscalers.fleet import Fleet, Manifest, manifest
from tests.autoscalers.machines import L4, PRODUCT
from tests.support import priority_class
from tests.support.control_plane import ControlPlane
from trifocal.api.names import REVISION_LABEL

pytestmark = pytest.mark.timeout(600)

PLACEHOLDERS = "headroom"


@pytest.fixture(autouse=True)
def _priorities(plane: ControlPlane) -> None:
    priority_class.install(plane)


def with_headroom(places: int, **spec: Any) -> Manifest:
    made = manifest("digits", L4, **spec)
    made["spec"]["serving"]["headroom"] = {"replicas": places}
    return made


def keeps(fleet: Fleet, asked: int, held: int) -> bool:
    """Whether status says so."""
    told = fleet.model("digits").get("status", {}).get("headroom")
    return bool(told == {"replicas": asked, "readyReplicas": held})


def served(fleet: Fleet) -> str:
    """The revision that has the traffic."""
    return str(fleet.model("digits")["status"]["revision"]["serving"])


def settled(fleet: Fleet) -> tuple[set[str], set[str]]:
    """The nodes of the pod that serves and of its placeholder, once no other node is left."""

    def is_settled() -> bool:
        taken = fleet.places("digits") | fleet.places("digits", PLACEHOLDERS)
        return fleet.serves("digits", 1) and keeps(fleet, 1, 1) and fleet.nodes() == taken

    fleet.apply(with_headroom(1, replicas=1))
    fleet.until(is_settled)
    return fleet.places("digits"), fleet.places("digits", PLACEHOLDERS)


def test_a_placeholder_gets_a_node_and_a_replica_takes_it_at_once(fleet: Fleet) -> None:
    serving, kept = settled(fleet)
    (node,) = kept - serving
    assert fleet.labels(node)[PRODUCT] == L4
    assert not fleet.plane.kubectl(
        "get", "endpoints", "digits", "-n", fleet.namespace, "-o", "jsonpath={..nodeName}"
    ).stdout.count(node), "no request goes there"

    fleet.scale("digits", 2)
    fleet.until(lambda: fleet.serves("digits", 2))
    assert fleet.places("digits") == serving | kept, "no node had to come for the second pod"

    # Karpenter makes the next node for the placeholder that had to leave.
    # Status may tell of the one that left for some seconds more.
    fleet.until(lambda: keeps(fleet, 1, 1) and bool(fleet.places("digits", PLACEHOLDERS) - kept))
    (another,) = fleet.places("digits", PLACEHOLDERS)
    assert another not in serving | kept

    fleet.apply(with_headroom(0, replicas=2))
    three = {another, *serving, *kept}
    # Which of them goes is Karpenter's to choose.
    fleet.until(lambda: len(fleet.nodes() & three) == 2 and fleet.serves("digits", 2))
    assert "headroom" not in fleet.model("digits")["status"]


def test_a_rollout_takes_the_place_of_a_placeholder(fleet: Fleet) -> None:
    """Where no node could come, the only old pod would have to stop first."""
    _, kept = settled(fleet)
    before = served(fleet)

    changed = with_headroom(1, replicas=1)
    changed["spec"]["serving"]["instances"] = 2
    fleet.apply(changed)
    fleet.until(lambda: served(fleet) != before)
    new = served(fleet)
    pods = [p for p in fleet.pods("digits") if p["metadata"]["labels"][REVISION_LABEL] == new]
    assert {pod["spec"]["nodeName"] for pod in pods} == kept
    fleet.until(lambda: fleet.serves("digits", 1) and keeps(fleet, 1, 1))


def test_without_the_priority_class_status_says_so_and_the_model_serves(
    plane: ControlPlane, fleet: Fleet
) -> None:
    priority_class.remove(plane)
    fleet.apply(with_headroom(1, replicas=1))
    fleet.until(lambda: fleet.serves("digits", 1))

    def is_told() -> bool:
        told = fleet.model("digits")["status"].get("headroom", {})
        return f"no PriorityClass with name {priority_class.NAME}" in told.get("message", "")

    fleet.until(is_told)
    assert fleet.serves("digits", 1)
    priority_class.install(plane)
    fleet.until(lambda: keeps(fleet, 1, 1))
