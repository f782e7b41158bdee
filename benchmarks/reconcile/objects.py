"""What the benchmark creates: GPU nodes, namespaces and ModelDeployments. Pure."""

import math
from typing import Any

from trifocal.api.schema import API_VERSION, KIND

Manifest = dict[str, Any]

NAMESPACES = 10
"""Kubernetes is tested with up to 3,000 pods and 2,000 Deployments in one namespace."""
GPU = "nvidia.com/gpu"
PRODUCT = "NVIDIA-L4"
GPUS_PER_NODE = 64
"""More than a machine has, so that the scheduler's search through nodes stays small beside what is
measured."""
PODS_PER_NODE = 110
"""The kubelet's default."""
PODS_PER_OBJECT = 3
"""Two that serve after the change of spec, and one of a Job."""


def namespaces() -> tuple[str, ...]:
    """Those that the objects are spread over."""
    return tuple(f"team-{number}" for number in range(NAMESPACES))


def addresses(count: int) -> tuple[tuple[str, str], ...]:
    """(namespace, name) of each object."""
    return tuple((f"team-{n % NAMESPACES}", f"model-{n:05d}") for n in range(count))


def model_deployment(namespace: str, name: str) -> Manifest:
    """One that serves an ONNX model on one GPU and names its number of replicas itself."""
    data = {"secretRef": {"name": "models"}}
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {"namespace": namespace, "name": name},
        "spec": {
            "model": {
                "source": {"uri": f"s3://models/{name}.onnx", "digest": _digest("a"), **data},
                "task": "classification",
                "inputs": [{"name": "image", "shape": [3, 224, 224]}],
                "labels": ["zero", "one", "two"],
            },
            "optimization": {
                "datasets": {
                    "evaluation": {
                        "uri": "s3://models/evaluation.tar",
                        "digest": _digest("e"),
                        **data,
                    }
                }
            },
            "artifacts": {"uri": "s3://artifacts", **data},
            "serving": {"accelerator": {"resource": GPU, "count": 1, "product": PRODUCT}},
            "replicas": 1,
        },
    }


def nodes(objects: int) -> tuple[Manifest, ...]:
    """Enough for all pods of so many objects, with a tenth to spare."""
    by_gpus = 2 * objects / GPUS_PER_NODE
    by_pods = PODS_PER_OBJECT * objects / PODS_PER_NODE
    return tuple(_node(number) for number in range(math.ceil(1.1 * max(by_gpus, by_pods)) + 1))


def _node(number: int) -> Manifest:
    name = f"gpu-{number:04d}"
    room = {"cpu": "1k", "memory": "4Ti", "pods": str(PODS_PER_NODE), GPU: str(GPUS_PER_NODE)}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "labels": {"kubernetes.io/hostname": name, "nvidia.com/gpu.product": PRODUCT},
        },
        "status": {"allocatable": room, "capacity": room},
    }


def _digest(letter: str) -> str:
    return "sha256:" + 64 * letter
