"""What the simulated cloud offers, and the NodePools that ask for it. Pure.

As docs/autoscalers.md advises: one NodePool for each GPU product, which puts the product's label
on its nodes, since Karpenter has to know the label before there is a node that could show it.
"""

from typing import Any

from tests.support.karpenter import node_pool

Manifest = dict[str, Any]

GPU = "nvidia.com/gpu"
PRODUCT = "nvidia.com/gpu.product"
TYPE = "node.kubernetes.io/instance-type"
CAPACITY = "karpenter.sh/capacity-type"
POOL = "karpenter.sh/nodepool"

L4, T4 = "NVIDIA-L4", "Tesla-T4"
A100, H100 = "NVIDIA-A100-SXM4-80GB", "NVIDIA-H100-80GB-HBM3"
PRODUCTS = {"l4": L4, "t4": T4, "a100": A100, "h100": H100}
"""By the NodePool's name."""
TYPES = {**{pool: f"gpu-{pool}-1x" for pool in PRODUCTS}, "cpu": "general-16x"}
_DOLLARS = {"l4": 0.8, "t4": 0.5, "a100": 3.0, "h100": 5.0, "cpu": 0.7}
"""An hour on demand: only their order matters."""
_SPOT = 0.35
"""Of the price on demand."""


PRICES = {PRODUCTS[pool]: _DOLLARS[pool] for pool in PRODUCTS}
"""The operator's table."""


def instance_types() -> list[Manifest]:
    """One kind of machine for each NodePool; those with a GPU have one, so a pod fills a node."""
    return [_instance_type(pool) for pool in TYPES]


def gpu_pool(name: str, *capacity: str) -> Manifest:
    """Nodes with one product, for pods that tolerate their taint."""
    template = {
        "metadata": {"labels": {PRODUCT: PRODUCTS[name]}},
        "spec": {"taints": [{"key": GPU, "value": "present", "effect": "NoSchedule"}]},
    }
    return _pool(name, capacity, template)


def cpu_pool() -> Manifest:
    """Nodes for optimizations that need no GPU."""
    return _pool("cpu", ["on-demand"], {})


def _pool(name: str, capacity: Any, template: Manifest) -> Manifest:
    disruption = {
        "consolidationPolicy": "WhenEmptyOrUnderutilized",
        "consolidateAfter": "0s",
        # So that nothing but our PodDisruptionBudget and annotations holds Karpenter back.
        "budgets": [{"nodes": "100%"}],
    }
    return node_pool(name, [TYPES[name]], capacity, template, disruption=disruption)


def _instance_type(pool: str) -> Manifest:
    gpus = {GPU: "1"} if pool in PRODUCTS else {}
    return {
        "name": TYPES[pool],
        "architecture": "amd64",
        "operatingSystems": ["linux"],
        "resources": {"cpu": "16", "memory": "64Gi", "ephemeral-storage": "500Gi", **gpus},
        "offerings": [
            _offering("on-demand", _DOLLARS[pool]),
            _offering("spot", _SPOT * _DOLLARS[pool]),
        ],
    }


def _offering(capacity: str, dollars: float) -> Manifest:
    wanted = {CAPACITY: capacity, "topology.kubernetes.io/zone": "zone-a"}
    return {
        "Price": dollars,
        "Available": True,
        "Requirements": [
            {"key": key, "operator": "In", "values": [value]} for key, value in wanted.items()
        ],
    }
