"""Pods of the demo itself: restricted, without a token, gone when they are done with."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from hack.demo.install import image
from hack.demo.kube import NAMESPACE, Kube

USER = 65532
START_SECONDS = 120


@dataclass(frozen=True, kw_only=True)
class PodPlan:
    """What a pod of the operator's image runs, and what it mounts."""

    name: str
    command: Sequence[str]
    volume: Mapping[str, Any]
    mount: str
    environment: Mapping[str, str]
    cpu_limit: str

    def manifest(self) -> dict[str, Any]:
        """As a Pod."""
        container = {
            "name": self.name,
            "image": image("operator"),
            "imagePullPolicy": "IfNotPresent",
            "command": list(self.command),
            "env": [{"name": key, "value": value} for key, value in self.environment.items()],
            "resources": {
                "requests": {"cpu": "50m", "memory": "64Mi"},
                "limits": {"cpu": self.cpu_limit, "memory": "512Mi"},
            },
            "securityContext": {
                "allowPrivilegeEscalation": False,
                "capabilities": {"drop": ["ALL"]},
                "readOnlyRootFilesystem": True,
            },
            "volumeMounts": [{"name": "files", "mountPath": self.mount}],
        }
        return {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": self.name, "namespace": NAMESPACE},
            "spec": {
                "automountServiceAccountToken": False,
                "enableServiceLinks": False,
                "restartPolicy": "Never",
                "terminationGracePeriodSeconds": 1,
                "securityContext": {
                    "runAsNonRoot": True,
                    "runAsUser": USER,
                    "fsGroup": USER,
                    "seccompProfile": {"type": "RuntimeDefault"},
                },
                "containers": [container],
                "volumes": [{"name": "files", **self.volume}],
            },
        }


@contextmanager
def running_pod(kube: Kube, plan: PodPlan) -> Iterator[str]:
    """The name of the pod, ready; it is deleted when the block ends, however it ends."""
    delete_pod(kube, plan.name)
    kube.apply(plan.manifest())
    try:
        kube.kubectl(
            *("wait", f"pod/{plan.name}", "--for=condition=Ready"),
            f"--timeout={START_SECONDS}s",
        )
        yield plan.name
    finally:
        delete_pod(kube, plan.name)


def delete_pod(kube: Kube, name: str) -> None:
    """Delete it if it is there, and wait until it is gone."""
    kube.kubectl("delete", "pod", name, "--ignore-not-found", "--wait=true", "--timeout=60s")
