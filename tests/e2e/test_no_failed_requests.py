"""Under constant load no request fails: a new revision, a deleted pod, a restarted operator."""

from collections.abc import Iterator

import pytest

from tests.e2e.cluster import OPERATOR, SYSTEM, eventually
from tests.e2e.load import Load, load
from tests.e2e.workload import Workload


@pytest.fixture
def loaded(workload: Workload) -> Iterator[tuple[Workload, Load]]:
    workload.apply("steady", {"replicas": 2})
    workload.wait("steady", "Ready")
    with load(workload, "steady") as running:
        yield workload, running


def _serving(workload: Workload) -> str:
    serving: str = workload.get("steady")["status"]["revision"]["serving"]
    return serving


def _pods(workload: Workload) -> list[str]:
    selector = workload.get("steady")["status"]["selector"]
    found = workload.cluster.get("pods", "-n", workload.namespace, "-l", selector)["items"]
    return [pod["metadata"]["name"] for pod in found]


def test_a_changed_model_rolls_without_a_failed_request(loaded: tuple[Workload, Load]) -> None:
    workload, running = loaded
    before = _serving(workload)
    workload.apply(
        "steady", {"replicas": 2, "model": {"source": workload.on_claim("model-v2.onnx")}}
    )
    eventually(
        lambda: _serving(workload), lambda now: now != before, seconds=200, what="the switch"
    )
    eventually(
        lambda: len(workload.children("deployments", "steady")),
        lambda count: count == 1,
        seconds=90,
        what="the end of the old revision",
    )
    eventually(
        lambda: [p for p in workload.children("pods", "steady") if before in p["metadata"]["name"]],
        lambda pods: not pods,
        seconds=90,
        what="the end of the old pods",
    )
    assert running.stop().failures == []


def test_a_deleted_pod_costs_no_request(loaded: tuple[Workload, Load]) -> None:
    workload, running = loaded
    victim = _pods(workload)[0]
    workload.cluster.kubectl("delete", "pod", victim, "-n", workload.namespace)
    workload.wait("steady", "Ready")
    assert victim not in _pods(workload)
    assert running.stop().failures == []


def test_an_operator_restart_costs_no_request(loaded: tuple[Workload, Load]) -> None:
    workload, running = loaded
    kubectl = workload.cluster.kubectl
    kubectl("rollout", "restart", "-n", SYSTEM, f"deployment/{OPERATOR}")
    kubectl("rollout", "status", "-n", SYSTEM, f"deployment/{OPERATOR}", "--timeout=120s")
    workload.wait("steady", "Ready")
    assert running.stop().failures == []
