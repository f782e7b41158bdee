"""Nodes are drained, replaced and lost under models: what holds meanwhile."""

import json

import pytest

from tests.autoscalers.fleet import MERGE, Fleet, Manifest, manifest, selector
from tests.autoscalers.machines import A100, L4, T4
from tests.autoscalers.played import HELD, LET_GO
from tests.autoscalers.readiness import watched
from trifocal.api import names

pytestmark = pytest.mark.timeout(300)


def test_draining_every_node_at_once_takes_one_pod_at_a_time(fleet: Fleet) -> None:
    fleet.apply(manifest("digits", L4, replicas=3))
    fleet.until(lambda: fleet.serves("digits", 3))
    old = fleet.places("digits")
    with watched(fleet.plane, fleet.namespace, selector("digits"), pods=3) as seen:
        seen.tell("kubectl delete nodeclaim, all three at once")
        fleet.give_back(old)
        fleet.until(lambda: fleet.serves("digits", 3) and not fleet.nodes() & old)
    print("\n".join(["", *seen.story]))  # noqa: T201 - the transcript of docs/autoscalers.md
    assert seen.lost == 3, "each pod moved, and moved once"
    assert seen.fewest == 3 - 1, "maxUnavailable: 1"


def test_nodes_that_drift_are_replaced_one_pod_at_a_time(fleet: Fleet) -> None:
    fleet.apply(manifest("digits", T4, replicas=2))
    fleet.until(lambda: fleet.serves("digits", 2))
    old = fleet.places("digits")
    with watched(fleet.plane, fleet.namespace, selector("digits"), pods=2) as seen:
        fleet.drift("t4")
        fleet.until(lambda: fleet.serves("digits", 2) and not fleet.nodes() & old)
    assert seen.lost == 2
    assert seen.fewest == 2 - 1


def test_an_optimization_keeps_its_node_until_it_is_done(fleet: Fleet) -> None:
    _create(fleet, _ordinary_job())
    made = manifest(HELD, T4)
    made["spec"]["optimization"]["job"] = {"resources": {"requests": {"cpu": "4"}}}
    fleet.apply(made)
    fleet.until(lambda: bool(_running(fleet, HELD) and _running(fleet, _ORDINARY)))
    (ours,), (ordinary,) = _running(fleet, HELD), _running(fleet, _ORDINARY)
    node = ours["spec"]["nodeName"]
    assert node != ordinary["spec"]["nodeName"], "neither fits beside the other"

    fleet.drift("cpu")
    # Karpenter takes the node of a Job like ours without its annotation ...
    fleet.until(lambda: ordinary["spec"]["nodeName"] not in fleet.nodes())
    # ... and says why it leaves ours.
    fleet.until(lambda: "karpenter.sh/do-not-disrupt" in _why_not(fleet, node))
    assert [pod["metadata"]["uid"] for pod in _running(fleet, HELD)] == [ours["metadata"]["uid"]]

    _let_go(fleet, ours)
    fleet.until(lambda: fleet.serves(HELD, 1) and node not in fleet.nodes())


def test_lost_spot_nodes_are_told_and_replaced(fleet: Fleet) -> None:
    fleet.apply(manifest("digits", A100, replicas=2))
    fleet.until(lambda: fleet.serves("digits", 2))
    lost = fleet.places("digits")

    fleet.limit("a100", 0)  # nothing can be had for the moment
    fleet.take_away("digits", lost)
    # The truth, by the API server: two pods that wait for a node, and none that serves.
    fleet.until(lambda: len(fleet.pods("digits")) == 2 and not fleet.places("digits"))
    fleet.until(lambda: not fleet.model("digits")["status"].get("readyReplicas"))
    assert fleet.condition("digits", "Ready")["status"] != "True"

    fleet.limit("a100", None)
    fleet.until(lambda: fleet.serves("digits", 2))
    assert not fleet.places("digits") & lost
    # No second optimization for it: the artifact is where it was.
    assert len(fleet.pods("digits", "optimization")) == 1


_ORDINARY = "ordinary"


def _ordinary_job() -> Manifest:
    """A Job that works as long as ours, and asks nobody to leave its node alone."""
    labels = {names.NAME_LABEL: HELD, names.COMPONENT_LABEL: "optimization", "job": _ORDINARY}
    container = {
        "name": "work",
        "image": "example.com/work",
        "resources": {"requests": {"cpu": "14"}},
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": _ORDINARY},
        "spec": {
            "template": {
                "metadata": {"labels": labels},
                "spec": {"restartPolicy": "Never", "containers": [container]},
            }
        },
    }


def _running(fleet: Fleet, which: str) -> list[Manifest]:
    """Pods of our Job or of the ordinary one that run."""
    return [
        pod
        for pod in fleet.pods(HELD, "optimization")
        if pod["status"]["phase"] == "Running"
        and (pod["metadata"]["labels"].get("job") == _ORDINARY) == (which == _ORDINARY)
    ]


def _why_not(fleet: Fleet, node: str) -> str:
    """What Karpenter says of why it does not disrupt a node."""
    status, found = fleet.plane.request("GET", "/api/v1/namespaces/default/events")
    assert status == 200, found
    return "\n".join(
        event["message"]
        for event in found["items"]
        if event["reason"] == "DisruptionBlocked" and event["involvedObject"]["name"] == node
    )


def _let_go(fleet: Fleet, pod: Manifest) -> None:
    """Let a held optimization find its result."""
    path = f"/api/v1/namespaces/{fleet.namespace}/pods/{pod['metadata']['name']}"
    body = {"metadata": {"annotations": {LET_GO: "now"}}}
    status, answer = fleet.plane.request("PATCH", path, body, content_type=MERGE)
    assert status == 200, answer


def _create(fleet: Fleet, made: Manifest) -> None:
    fleet.plane.must("-n", fleet.namespace, "create", "-f", "-", stdin=json.dumps(made))
