"""The operator dies without warning at any point of a first deployment; it ends the same."""

import json

import pytest

from tests.e2e.cluster import RELEASE, SYSTEM, eventually
from tests.e2e.workload import Workload

STEPS = ("Job", "Optimized", "Deployment", "Available")


def _kill_operator(workload: Workload) -> None:
    workload.cluster.kubectl(
        "delete", "pod", "-n", SYSTEM, "-l", f"app.kubernetes.io/instance={RELEASE}",
        "--grace-period=0", "--force", "--wait=false",
    )  # fmt: skip


def _reached(workload: Workload, name: str, step: str) -> bool:
    match step:
        case "Job":
            return bool(workload.children("jobs", name))
        case "Deployment":
            return bool(workload.children("deployments", name))
        case condition:
            return workload.condition(name, condition).get("status") == "True"


@pytest.mark.parametrize("step", STEPS)
def test_killed_at_a_step_it_ends_the_same(workload: Workload, step: str) -> None:
    name = f"killed-{step.lower()}"
    workload.apply(name)
    eventually(lambda: _reached(workload, name, step), bool, seconds=150, what=f"{step} of {name}")
    _kill_operator(workload)
    workload.wait(name, "Ready", seconds=240)
    counts = {
        kind: len(workload.children(kind, name)) for kind in ("jobs", "deployments", "services")
    }
    assert counts == {"jobs": 1, "deployments": 1, "services": 1}, json.dumps(counts)
