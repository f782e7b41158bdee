"""A cluster that is real but for its nodes: API server, controllers, scheduler, and KWOK."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.reconcile import objects, stages
from hack.cluster.build import build
from hack.cluster.polling import becomes_true
from tests.support.control_plane import ControlPlane, _free_ports, control_plane

_START_SECONDS = 120
_PODS = "10.128.0.0/10"
"""Addresses of pods; nobody connects to them."""
_QPS, _BURST = 1000, 2000
"""Of the controllers and the scheduler, so that none of them is what the operator waits for."""


@contextmanager
def api_server() -> Iterator[ControlPlane]:
    """An API server and etcd, with namespaces: no controller writes but the one under test."""
    with control_plane() as plane:
        _namespaces(plane)
        yield plane


@contextmanager
def whole_cluster(objects_planned: int) -> Iterator[ControlPlane]:
    """With controllers, a scheduler, and nodes that have room for so many objects."""
    build(["kube-controller-manager", "kube-scheduler", "kwok"])
    with control_plane() as plane:
        _namespaces(plane)
        _start_controllers(plane)
        _start_scheduler(plane)
        _start_kwok(plane)
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


def _start_controllers(plane: ControlPlane) -> None:
    root = plane.root
    plane.start_beside(
        "kube-controller-manager",
        *_login(plane.kubeconfig),
        f"--secure-port={_free_ports(1)[0]}",
        f"--cert-dir={root / 'controllers'}",
        f"--root-ca-file={plane.authority}",
        f"--service-account-private-key-file={root / 'apiserver.key'}",
        f"--kube-api-qps={_QPS}",
        f"--kube-api-burst={_BURST}",
        "--leader-elect=false",
        # Nodes send no heartbeats: they would only add writes that are nobody's subject here.
        "--node-monitor-grace-period=24h",
    )


def _start_scheduler(plane: ControlPlane) -> None:
    config = plane.root / "scheduler.json"
    wanted = {
        "apiVersion": "kubescheduler.config.k8s.io/v1",
        "kind": "KubeSchedulerConfiguration",
        "leaderElection": {"leaderElect": False},
        "clientConnection": {"kubeconfig": str(plane.kubeconfig), "qps": _QPS, "burst": _BURST},
    }
    config.write_text(json.dumps(wanted))
    plane.start_beside(
        "kube-scheduler",
        f"--config={config}",
        *_login(plane.kubeconfig)[1:],
        f"--secure-port={_free_ports(1)[0]}",
        f"--cert-dir={plane.root / 'scheduler'}",
    )


def _login(kubeconfig: Path) -> tuple[str, ...]:
    return (
        f"--kubeconfig={kubeconfig}",
        f"--authentication-kubeconfig={kubeconfig}",
        f"--authorization-kubeconfig={kubeconfig}",
        "--bind-address=127.0.0.1",
    )


def _start_kwok(plane: ControlPlane) -> None:
    config = plane.root / "kwok.yaml"
    config.write_text(stages.documents())
    plane.start_beside(
        "kwok",
        f"--config={config}",
        f"--kubeconfig={plane.kubeconfig}",
        "--manage-all-nodes=true",
        f"--cidr={_PODS}",
        f"--server-address=127.0.0.1:{_free_ports(1)[0]}",
        "--node-lease-duration-seconds=0",
    )


def _make_nodes(plane: ControlPlane, objects_planned: int) -> None:
    """Create them and wait until the controllers have found them ready."""
    _create(plane, list(objects.nodes(objects_planned)))

    def all_usable() -> bool:
        _, answer = plane.request("GET", "/api/v1/nodes")
        return all(not node["spec"].get("taints") for node in answer["items"])

    if not becomes_true(all_usable, _START_SECONDS):
        logs = map(plane.log, ("kwok", "kube-controller-manager", "kube-scheduler"))
        raise RuntimeError("The nodes are not ready: " + "".join(logs))


def _create(plane: ControlPlane, manifests: list[objects.Manifest]) -> None:
    whole = {"apiVersion": "v1", "kind": "List", "items": manifests}
    plane.must("create", "-f", "-", stdin=json.dumps(whole))
