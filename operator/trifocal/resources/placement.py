"""Where pods with an accelerator go. Pure."""

from typing import Any

from trifocal.api.serving import Accelerator

PRODUCT_NODE_LABEL = "nvidia.com/gpu.product"
"""Put on nodes by NVIDIA's GPU feature discovery."""


WHOLE_GPU = "nvidia.com/gpu"
"""What nodes with NVIDIA's GPUs are tainted with, however these are shared: slices of MIG
(nvidia.com/mig-1g.10gb) and shared GPUs (nvidia.com/gpu.shared) are other resources."""


def placement(accelerator: Accelerator | None) -> dict[str, Any]:
    """Nodes with the product; the taints that keep other pods off them are tolerated."""
    if accelerator is None:
        return {}
    taints = [accelerator.resource]
    if accelerator.resource.startswith("nvidia.com/") and accelerator.resource != WHOLE_GPU:
        taints.append(WHOLE_GPU)
    found: dict[str, Any] = {
        "tolerations": [
            {"effect": "NoSchedule", "key": taint, "operator": "Exists"} for taint in taints
        ]
    }
    if accelerator.product is not None:
        found["nodeSelector"] = {PRODUCT_NODE_LABEL: accelerator.product}
    return found
