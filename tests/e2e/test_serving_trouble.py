"""Pods that cannot serve: the condition says why in the scheduler's or kubelet's words, soon."""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.e2e.workload import OPTIMIZE_SECONDS, Workload

SAID_WITHIN_SECONDS = 30
"""From the pod's trouble to the condition (issue: within 30 s)."""

TROUBLES: list[tuple[str, Mapping[str, Any], str, str]] = [
    (
        "no-such-gpu",
        {"serving": {"accelerator": {"product": "NVIDIA-H200"}}},
        "Unschedulable",
        "0/1 nodes are available",
    ),
    (
        "too-many-gpus",
        {"serving": {"accelerator": {"count": 16}}},
        "Unschedulable",
        "Insufficient nvidia.com/gpu",
    ),
    (
        "no-such-image",
        {"serving": {"triton": {"image": "registry.invalid/triton:1", "backend": "python"}}},
        "ImagePullFailed",
        "registry.invalid/triton:1",
    ),
    (
        "crash",
        {"serving": {"triton": {"image": "trifocal.dev/operator:dev", "backend": "python"}}},
        "Crashing",
        "tritonserver",
    ),
]


@pytest.mark.parametrize(
    ("name", "spec", "reason", "words"), TROUBLES, ids=[t[0] for t in TROUBLES]
)
def test_trouble_is_named_with_the_clusters_own_words(
    workload: Workload, name: str, spec: Mapping[str, Any], reason: str, words: str
) -> None:
    workload.apply(name, spec)
    workload.wait(name, "Optimized", seconds=OPTIMIZE_SECONDS)
    condition = workload.wait(
        name, "Available", status="False", reason=reason, seconds=SAID_WITHIN_SECONDS
    )
    assert words in condition["message"]
    assert workload.condition(name, "Ready")["reason"] == reason


def test_a_simulated_gpu_is_given_to_the_pod(workload: Workload) -> None:
    workload.apply("with-gpu", {"serving": {"accelerator": {"product": "NVIDIA-L4"}}})
    workload.wait("with-gpu", "Ready")
    pods = workload.children("pods", "with-gpu")
    limits = [
        c["resources"]["limits"].get("nvidia.com/gpu")
        for pod in pods
        if pod["metadata"]["labels"]["app.kubernetes.io/component"] == "serving"
        for c in pod["spec"]["containers"]
    ]
    assert limits == ["1"]
