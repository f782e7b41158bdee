"""Evicted pods and drained nodes while a model is optimized: no second Job, and words for it."""

from typing import Any

import pytest

from tests.support import results
from tests.support.manifests import Manifest
from tests.support.world import World, world
from trifocal.optimizer.contract import OptimizationResult
from trifocal.reconcile.job_trouble import job_waits_for, retry_note


def disrupted(reason: str, message: str) -> Manifest:
    """A pod as the cluster leaves it; its container said that it was stopped (exit code 75)."""
    target = {"type": "DisruptionTarget", "status": "True", "reason": reason, "message": message}
    ended = {"exitCode": 75, "message": "{}"}
    return {
        "metadata": {"name": "digits-opt-1-a", "uid": "a"},
        "status": {
            "phase": "Failed",
            "conditions": [target],
            "containerStatuses": [{"name": "optimizer", "state": {"terminated": ended}}],
        },
    }


RUNNING = {"metadata": {"name": "digits-opt-1-b", "uid": "b"}, "status": {"phase": "Running"}}


@pytest.mark.parametrize(
    ("reason", "message"),
    [
        # kubectl drain, by the eviction API: pkg/registry/core/pod/storage/eviction.go
        ("EvictionByEvictionAPI", "Eviction API: evicting"),
        # The node had too little memory or disk: pkg/kubelet/eviction/eviction_manager.go
        ("TerminationByKubelet", "The node was low on resource: memory."),
        # The node is gone: pkg/controller/podgc/gc_controller.go
        ("DeletionByPodGC", "PodGC: node no longer exists"),
    ],
)
def test_a_disruption_is_told_in_the_clusters_words_and_costs_no_retry(
    reason: str, message: str
) -> None:
    note = retry_note((disrupted(reason, message), RUNNING))
    assert note == (
        f"Attempt 1 was disrupted ({message.rstrip('.')}); the Job tries again, and none of its "
        "retries is spent."
    )


def test_an_eviction_over_the_pods_own_disk_is_told_as_a_sentence() -> None:
    words = 'Usage of EmptyDir volume "scratch" exceeds the limit "2Gi".'
    evicted = {
        "metadata": {"name": "p", "uid": "p"},
        "status": {"phase": "Failed", "reason": "Evicted", "message": words},
    }
    assert retry_note((evicted, RUNNING)) == (
        'Attempt 1 was ended by the kubelet (Usage of EmptyDir volume "scratch" exceeds the limit '
        '"2Gi"); the Job tries again.'
    )


def test_the_next_pod_after_a_drain_says_what_it_waits_for() -> None:
    words = "0/1 nodes are available: 1 node(s) were unschedulable."
    waiting: dict[str, Any] = {
        "metadata": {"name": "digits-opt-1-b", "uid": "b"},
        "status": {
            "phase": "Pending",
            "conditions": [
                {
                    "type": "PodScheduled",
                    "status": "False",
                    "reason": "Unschedulable",
                    "message": words,
                }
            ],
        },
    }
    first = disrupted("EvictionByEvictionAPI", "Eviction API: evicting")
    trouble = job_waits_for({"metadata": {"name": "j", "uid": "j"}}, (first, waiting), ())
    assert trouble is not None
    assert trouble.message == f"No node takes pod digits-opt-1-b: {words}"


class Slowly:
    """An optimizer that answers at the tenth time it is asked."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self, _digest: str, _body: Manifest) -> OptimizationResult | None:
        self.asked += 1
        return results.artifact("a") if self.asked >= 10 else None


def ready(w: World) -> bool:
    conditions = {c["type"]: c["status"] for c in w.body["status"]["conditions"]}
    return bool(conditions["Ready"] == "True")


@pytest.mark.parametrize("drains", [1, 3])
def test_nodes_drained_during_a_build_cost_time_and_no_second_job(drains: int) -> None:
    w = world(Slowly())
    for _ in range(drains):
        for _ in range(3):
            w.reconcile()
            w.tick()
        w.kill_pod(0)
    w.settle()
    assert ready(w)
    assert [kind for kind, _ in w.made].count("Job") == 1
