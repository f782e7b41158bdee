"""The rest of a cluster beside a test's API server: controllers, a scheduler, and KWOK.

All of them are the real programs. KWOK stands in for the kubelets: how nodes and pods behave is
what its Stage documents say.
"""

import json
from collections.abc import Iterable
from pathlib import Path

from hack.cluster.build import build
from tests.support.control_plane import ControlPlane, free_ports

PROGRAMS = ("kube-controller-manager", "kube-scheduler", "kwok")
_PODS = "10.128.0.0/10"
"""Addresses of pods; nobody connects to them."""
_QPS, _BURST = 1000, 2000
"""Of the controllers and the scheduler, so that none of them is what the operator waits for."""
NO_SCRAPES = {"scaling_signal": "prometheus", "prometheus_url": "http://127.0.0.1:9"}
"""The operator's settings there. Nobody answers at the addresses of KWOK's pods, so the scaling
loop asks a Prometheus that is not there (port 9 is discard's) and goes over every object without a
number."""


def start_cluster(plane: ControlPlane, stages: str, *controller_flags: str) -> None:
    """Start them; they end with the API server.

    Args:
        plane: the API server that they work for.
        stages: KWOK's documents, divided by `---`.
        controller_flags: more arguments of the kube-controller-manager.
    """
    build(PROGRAMS)
    _start_controllers(plane, controller_flags)
    _start_scheduler(plane)
    _start_kwok(plane, stages)


def logs(plane: ControlPlane) -> str:
    """The last lines of each."""
    return "".join(map(plane.log, PROGRAMS))


def _start_controllers(plane: ControlPlane, flags: Iterable[str]) -> None:
    root = plane.root
    plane.start_beside(
        "kube-controller-manager",
        *_login(plane.kubeconfig),
        f"--secure-port={free_ports(1)[0]}",
        f"--cert-dir={root / 'controllers'}",
        f"--root-ca-file={plane.authority}",
        f"--service-account-private-key-file={root / 'apiserver.key'}",
        f"--kube-api-qps={_QPS}",
        f"--kube-api-burst={_BURST}",
        "--leader-elect=false",
        # Nodes send no heartbeats: they would only add writes that are nobody's subject here.
        "--node-monitor-grace-period=24h",
        *flags,
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
        f"--secure-port={free_ports(1)[0]}",
        f"--cert-dir={plane.root / 'scheduler'}",
    )


def _login(kubeconfig: Path) -> tuple[str, ...]:
    return (
        f"--kubeconfig={kubeconfig}",
        f"--authentication-kubeconfig={kubeconfig}",
        f"--authorization-kubeconfig={kubeconfig}",
        "--bind-address=127.0.0.1",
    )


def _start_kwok(plane: ControlPlane, stages: str) -> None:
    config = plane.root / "kwok.yaml"
    config.write_text(stages)
    plane.start_beside(
        "kwok",
        f"--config={config}",
        f"--kubeconfig={plane.kubeconfig}",
        "--manage-all-nodes=true",
        f"--cidr={_PODS}",
        f"--server-address=127.0.0.1:{free_ports(1)[0]}",
        "--node-lease-duration-seconds=0",
    )
