"""Pods with an accelerator tolerate the taints of the nodes that have it, and go nowhere else."""

import pytest

from trifocal.api.serving import Accelerator
from trifocal.resources.placement import placement


@pytest.mark.parametrize(
    ("resource", "taints"),
    [
        ("nvidia.com/gpu", ["nvidia.com/gpu"]),
        ("nvidia.com/mig-1g.10gb", ["nvidia.com/mig-1g.10gb", "nvidia.com/gpu"]),
        ("nvidia.com/gpu.shared", ["nvidia.com/gpu.shared", "nvidia.com/gpu"]),
        ("amd.com/gpu", ["amd.com/gpu"]),
    ],
)
def test_a_part_of_a_gpu_is_on_a_node_that_is_tainted_for_whole_ones(
    resource: str, taints: list[str]
) -> None:
    found = placement(Accelerator(resource=resource))
    assert [each["key"] for each in found["tolerations"]] == taints
    assert "nodeSelector" not in found


def test_a_product_of_gpu_feature_discovery_is_selected_by_its_label() -> None:
    found = placement(Accelerator(product="NVIDIA-A100-SXM4-40GB-MIG-1g.5gb"))
    assert found["nodeSelector"] == {"nvidia.com/gpu.product": "NVIDIA-A100-SXM4-40GB-MIG-1g.5gb"}


def test_without_an_accelerator_a_pod_goes_anywhere() -> None:
    assert placement(None) == {}
