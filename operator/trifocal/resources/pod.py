"""What every pod of Trifocal's has: the restricted security profile and no token. Pure."""

from typing import Any

USER = 65532
"""User and group of every container: distroless' `nonroot`, which owns no file of any image."""


def pod_settings(service_account: str) -> dict[str, Any]:
    """The part of a pod's spec that is the same for all."""
    return {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": {
            "fsGroup": USER,
            "fsGroupChangePolicy": "OnRootMismatch",
            "runAsGroup": USER,
            "runAsNonRoot": True,
            "runAsUser": USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "serviceAccountName": service_account,
    }


def container_security() -> dict[str, Any]:
    """A container's `securityContext`: with `pod_settings` the standard `restricted`, and more."""
    return {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
    }


def scratch_volume(name: str, size: str) -> dict[str, Any]:
    """Disk of its own for one pod; the kubelet evicts a pod that writes more."""
    return {"name": name, "emptyDir": {"sizeLimit": size}}


def memory_volume(name: str, size: str) -> dict[str, Any]:
    """Memory as files, counted to the container that writes them."""
    return {"name": name, "emptyDir": {"medium": "Memory", "sizeLimit": size}}


def mount(name: str, path: str, *, read_only: bool = False) -> dict[str, Any]:
    """One volume mount; `readOnly` only where true, as the API server stores it."""
    settings: dict[str, Any] = {"name": name, "mountPath": path}
    return settings | {"readOnly": True} if read_only else settings


def threads_variable(container: str) -> dict[str, Any]:
    """OMP_NUM_THREADS as the container's CPU limit in whole cores, rounded up.

    Without a limit the kubelet gives the node's cores. Libraries count the node's cores instead
    of the limit, and the kernel then throttles their threads.
    """
    return {
        "name": "OMP_NUM_THREADS",
        "valueFrom": {
            "resourceFieldRef": {
                "containerName": container,
                "divisor": "1",
                "resource": "limits.cpu",
            }
        },
    }
