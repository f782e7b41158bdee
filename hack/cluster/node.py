"""The node as the scheduler sees it: ready, labelled, with simulated GPUs."""

from typing import Any

from .api import Api
from .polling import wait_until
from .settings import NODE_NAME, SIMULATED_GPUS

_PATH = f"/api/v1/nodes/{NODE_NAME}"
GPU = "nvidia.com/gpu"

# What GPU feature discovery would say of four L4 cards, and that they are not there.
_LABELS = {
    "trifocal.dev/simulated-gpus": "true",
    "nvidia.com/gpu.present": "true",
    "nvidia.com/gpu.count": str(SIMULATED_GPUS),
    "nvidia.com/gpu.product": "NVIDIA-L4",
    "nvidia.com/gpu.family": "ada-lovelace",
    "nvidia.com/gpu.memory": "23034",
    "nvidia.com/gpu.replicas": "1",
    "nvidia.com/gpu.compute.major": "8",
    "nvidia.com/gpu.compute.minor": "9",
    "nvidia.com/cuda.driver.major": "580",
    "nvidia.com/cuda.runtime.major": "13",
    "nvidia.com/mig.capable": "false",
}


def ensure_node(api: Api) -> None:
    """Wait for the node, then give it the labels and GPUs that it lacks."""
    wait_until(
        lambda: is_ready(api.get(_PATH)), "the node did not become Ready; see kubelet.log", 90
    )
    node = api.get(_PATH) or {}
    metadata, status = node["metadata"], node["status"]
    if not _LABELS.items() <= metadata.get("labels", {}).items():
        note = {"trifocal.dev/simulated-gpus": "extended resources without a device behind them"}
        api.patch(_PATH, {"metadata": {"labels": _LABELS, "annotations": note}})
    wanted = str(SIMULATED_GPUS)
    if {status["capacity"].get(GPU), status["allocatable"].get(GPU)} != {wanted}:
        gpus = {GPU: wanted}
        api.patch(f"{_PATH}/status", {"status": {"capacity": gpus, "allocatable": gpus}})


def is_ready(node: dict[str, Any] | None) -> bool:
    """Whether the node's Ready condition is true."""
    conditions = (node or {}).get("status", {}).get("conditions", [])
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


def describe(api: Api) -> str:
    """One line for `status`."""
    node = api.get(_PATH)
    gpus = (node or {}).get("status", {}).get("allocatable", {}).get(GPU, "0")
    ready = "Ready" if is_ready(node) else "not Ready"
    return f"node {NODE_NAME}: {ready}, {gpus} x {GPU} (simulated)"
