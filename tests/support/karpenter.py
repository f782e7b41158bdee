"""Karpenter: its real core with its provider of simulated machines, beside an API server."""

import json
import urllib.request
from collections.abc import Iterable
from typing import Any

from hack.cluster.build import build, crds
from hack.cluster.polling import becomes_true
from hack.cluster.versions import Tool, tool
from tests.support.control_plane import ControlPlane, free_ports

NAME = "karpenter"
GROUP = "/apis/karpenter.sh/v1"
_CLASSES = "/apis/karpenter.kwok.sh/v1alpha1/kwoknodeclasses"
_CLASS = "default"
_START_SECONDS = 120  # 5 s on an idle machine

Manifest = dict[str, Any]


def start_karpenter(plane: ControlPlane, instance_types: Iterable[Manifest]) -> None:
    """Start it and wait until it is ready; it ends with the API server.

    Args:
        plane: the API server whose pods it makes nodes for.
        instance_types: what can be had, as kwok/examples/instance_types.json of Karpenter has it.
    """
    build([NAME])
    _install(plane)
    types = plane.root / "instance-types.json"
    types.write_text(json.dumps(list(instance_types)))
    health, metrics = free_ports(2)
    plane.start_beside(
        NAME,
        f"--instance-types-file-path={types}",
        f"--health-probe-port={health}",
        f"--metrics-port={metrics}",
        "--disable-leader-election=true",
        # Pods of one change come within milliseconds of each other here.
        "--batch-idle-duration=300ms",
        KUBECONFIG=str(plane.kubeconfig),
        SYSTEM_NAMESPACE="kube-system",
    )
    assert becomes_true(lambda: _is_ready(health), _START_SECONDS), plane.log(NAME)


def node_pool(
    name: str, types: Iterable[str], capacity: Iterable[str], template: Manifest, **spec: Any
) -> Manifest:
    """A NodePool of these instance types and capacity types (`spot`, `on-demand`).

    Args:
        name: of the NodePool.
        types: names of instance types.
        capacity: capacity types.
        template: what is added to the spec and metadata of its nodes.
        spec: more fields of the NodePool's spec.
    """
    wanted = {
        "node.kubernetes.io/instance-type": list(types),
        "karpenter.sh/capacity-type": list(capacity),
    }
    return {
        "apiVersion": "karpenter.sh/v1",
        "kind": "NodePool",
        "metadata": {"name": name},
        "spec": {
            "template": {
                "metadata": template.get("metadata", {}),
                "spec": {
                    "requirements": [
                        {"key": key, "operator": "In", "values": values}
                        for key, values in wanted.items()
                    ],
                    "nodeClassRef": {
                        "group": "karpenter.kwok.sh",
                        "kind": "KWOKNodeClass",
                        "name": _CLASS,
                    },
                    "expireAfter": "Never",
                    **template.get("spec", {}),
                },
            },
            **spec,
        },
    }


def _install(plane: ControlPlane) -> None:
    """The CRDs of Karpenter and its provider, served, and the one class of nodes."""
    karpenter = tool(NAME)
    assert isinstance(karpenter, Tool)
    plane.must("apply", "--server-side", "-f", crds(karpenter))
    served = (f"{GROUP}/nodepools", f"{GROUP}/nodeclaims", _CLASSES)
    assert becomes_true(lambda: all(map(plane.answers, served)), _START_SECONDS)
    made = {
        "apiVersion": "karpenter.kwok.sh/v1alpha1",
        "kind": "KWOKNodeClass",
        "metadata": {"name": _CLASS},
    }
    plane.must("create", "-f", "-", stdin=json.dumps(made))


def _is_ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
