"""A cluster that is real but for its nodes: API server, controllers, scheduler, and KWOK."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.reconcile import objects, stages
from hack.cluster.polling import becomes_true
from tests.support.control_plane import ControlPlane, control_plane
from tests.support.kwok_cluster import logs, start_cluster

_START_SECONDS = 120


@contextmanager
def api_server() -> Iterator[ControlPlane]:
    """An API server and etcd, with namespaces: no controller writes but the one under test."""
    with control_plane() as plane:
        _namespaces(plane)
        yield plane


@contextmanager
def whole_cluster(objects_planned: int) -> Iterator[ControlPlane]:
    """With controllers, a scheduler, and nodes that have room for so many objects."""
    with control_plane() as plane:
        _namespaces(plane)
        start_cluster(plane, stages.documents())
        _make_nodes(plane, objects_planned)
        yield plane


def _namespaces(plane: ControlPlane) -> None:
    made = [
        {"apiVersion": "v1", "kind": kind, "metadata": metadata}
        for name in objects.namespaces()
        for kind, metadata in (
            ("Namespace", {"name": name}),
            # With controllers it would come by itself, a little later.
            ("ServiceAccount", {"name": "default", "namespace": name}),
        )
    ]
    _create(plane, made)


def _make_nodes(plane: ControlPlane, objects_planned: int) -> None:
    """Create them and wait until the controllers have found them ready."""
    _create(plane, list(objects.nodes(objects_planned)))

    def all_usable() -> bool:
        _, answer = plane.request("GET", "/api/v1/nodes")
        return all(not node["spec"].get("taints") for node in answer["items"])

    if not becomes_true(all_usable, _START_SECONDS):
        raise RuntimeError("The nodes are not ready: " + logs(plane))


def _create(plane: ControlPlane, manifests: list[objects.Manifest]) -> None:
    whole = {"apiVersion": "v1", "kind": "List", "items": manifests}
    plane.must("create", "-f", "-", stdin=json.dumps(whole))
