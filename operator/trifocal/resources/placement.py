"""Where pods with an accelerator go. Pure."""

from typing import Any

from trifocal.api.serving import Accelerator


def placement(accelerator: Accelerator | None) -> dict[str, Any]:
    """Nodes with the product; the taint that keeps other pods off them is tolerated."""
    if accelerator is None:
        return {}
    found: dict[str, Any] = {
        "tolerations": [{"effect": "NoSchedule", "key": accelerator.resource, "operator": "Exists"}]
    }
    if accelerator.product is not None:
        found["nodeSelector"] = {"nvidia.com/gpu.product": accelerator.product}
    return found
