"""What the autoscaler tests share: one cluster with Karpenter and an operator, a namespace each."""

import json
from collections.abc import Iterator

import pytest

from tests.autoscalers import machines, played
from tests.autoscalers.fleet import HPA_SECONDS, Fleet
from tests.support.control_plane import ControlPlane, control_plane
from tests.support.karpenter import start_karpenter
from tests.support.kwok_cluster import NO_SCRAPES, start_cluster
from tests.support.operator_process import OperatorProcess, operator


@pytest.fixture(scope="session", name="plane")
def _plane() -> Iterator[ControlPlane]:
    """Tests keep apart by namespace, and by NodePool where they change one."""
    pools = (
        machines.gpu_pool("l4", "spot", "on-demand"),
        machines.gpu_pool("t4", "on-demand"),
        machines.gpu_pool("a100", "spot"),
        machines.cpu_pool(),
    )
    with control_plane() as plane:
        start_cluster(
            plane,
            played.documents(),
            f"--horizontal-pod-autoscaler-sync-period={HPA_SECONDS}s",
        )
        start_karpenter(plane, machines.instance_types())
        for pool in pools:
            plane.must("create", "-f", "-", stdin=json.dumps(pool))
        yield plane


@pytest.fixture(scope="session", name="operator")
def _operator(plane: ControlPlane) -> Iterator[OperatorProcess]:
    settings = {
        "accelerator_prices": json.dumps(machines.PRICES),
        # Instead of 120 s: a simulated machine joins within three.
        "accelerator_patience_seconds": "15",
    }
    with operator(plane.kubeconfig, **NO_SCRAPES, **settings) as running:
        yield running.wait_until_leading()


@pytest.fixture(name="fleet")
def _fleet(plane: ControlPlane, operator: OperatorProcess) -> Iterator[Fleet]:
    """A namespace that the operator looks after."""
    del operator
    fleet = Fleet.of(plane)
    yield fleet
    fleet.leave()
