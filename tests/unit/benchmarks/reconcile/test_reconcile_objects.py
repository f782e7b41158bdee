"""What the benchmark creates: nodes with room, objects that the operator accepts."""

import pytest
from benchmarks.reconcile import objects

from trifocal.api import manifest
from trifocal.resources.placement import placement


@pytest.mark.parametrize("count", [1, 100, 1000, 5000])
def test_the_nodes_have_room_for_all_pods(count: int) -> None:
    nodes = objects.nodes(count)
    assert len(nodes) * objects.GPUS_PER_NODE >= 2 * count
    assert len(nodes) * objects.PODS_PER_NODE >= 3 * count


def test_objects_are_spread_evenly_and_named_once() -> None:
    addresses = objects.addresses(1000)
    assert len(set(addresses)) == 1000
    assert all(sum(a == name for a, _ in addresses) == 100 for name in objects.namespaces())


def test_the_pods_fit_the_nodes() -> None:
    body = objects.model_deployment("team-0", "model")
    body["metadata"] |= {"uid": "u", "generation": 1}
    wanted = placement(manifest.parse(body).spec.serving.accelerator)["nodeSelector"]
    labels = objects.nodes(1)[0]["metadata"]["labels"]
    assert wanted.items() <= labels.items()
