"""Where pods with an accelerator go. Pure."""

from typing import Any

from trifocal.api.serving import Accelerator

PRODUCT_NODE_LABEL = "nvidia.com/gpu.product"
"""Put on nodes by NVIDIA's GPU feature discovery."""


def placement(accelerator: Accelerator | None) -> dict[str, Any]:
    """Nodes with the product; the taint that keeps other pods off them is tolerated."""
    if accelerator is None:
        return {}
    found: dict[str, Any] = {
        "tolerations": [{"effect": "NoSchedule", "key": accelerator.resource, "operator": "Exists"}]
    }
    if accelerator.product is not None:
        found["nodeSelector"] = {PRODUCT_NODE_LABEL: accelerator.product}
    return found
