"""ModelDeployments of the e2e tests: built from the tiny classifier, applied, read and deleted."""

import copy
from collections.abc import Mapping
from typing import Any

from tests.e2e.cluster import Cluster, eventually
from tests.support.quadrants import LABELS, SIZE

OPTIMIZE_SECONDS = 150
"""From apply to Ready for the tiny model on two busy cores."""


def merged(target: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """A JSON merge patch (RFC 7386) of dictionaries: None removes a key."""
    result = dict(copy.deepcopy(target))
    for key, value in change.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, Mapping) and isinstance(result.get(key), Mapping):
            result[key] = merged(result[key], value)
        else:
            result[key] = value
    return result


class Workload:
    """The ModelDeployments of one test."""

    def __init__(self, cluster: Cluster, namespace: str, digests: Mapping[str, str]) -> None:
        self.cluster = cluster
        self.namespace = namespace
        self._digests = digests
        self._names: list[str] = []

    def on_claim(self, file: str, digest: str | None = None) -> dict[str, Any]:
        """A location on the data claim."""
        return {
            "uri": f"file:///{file}",
            "claimName": "data",
            "digest": digest or self._digests[file],
        }

    def manifest(self, name: str, spec: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The tiny classifier's manifest, with changes merged into its spec."""
        base = {
            "model": {
                "source": self.on_claim("model.onnx"),
                "task": "classification",
                "inputs": [{"name": "image", "shape": [3, SIZE, SIZE]}],
                "labels": list(LABELS),
            },
            "optimization": {
                "datasets": {
                    "calibration": self.on_claim("calibration.tar"),
                    "evaluation": self.on_claim("evaluation.tar"),
                },
                "gate": {"accuracy": {"maxDrop": 0.02, "minimum": 0.9}},
                "job": {"resources": {"limits": {"memory": "1Gi"}}, "deadlineSeconds": 300},
            },
            "artifacts": {"uri": "file:///", "claimName": "artifacts"},
            "serving": {"resources": {"requests": {"cpu": "50m", "memory": "256Mi"}}},
        }
        return {
            "apiVersion": "trifocal.dev/v1alpha1",
            "kind": "ModelDeployment",
            "metadata": {"name": name, "namespace": self.namespace},
            "spec": merged(base, spec or {}),
        }

    def apply(self, name: str, spec: Mapping[str, Any] | None = None) -> None:
        """Apply it."""
        if name not in self._names:
            self._names.append(name)
        self.cluster.apply(self.manifest(name, spec))

    def get(self, name: str) -> Mapping[str, Any]:
        """The whole object."""
        found: Mapping[str, Any] = self.cluster.get("mdep", name, "-n", self.namespace)
        return found

    def condition(self, name: str, kind: str) -> Mapping[str, Any]:
        """One condition, when it speaks about the current generation; else nothing."""
        found = self.get(name)
        return next(
            (
                c
                for c in found.get("status", {}).get("conditions", [])
                if c["type"] == kind and c["observedGeneration"] == found["metadata"]["generation"]
            ),
            {},
        )

    def wait(
        self,
        name: str,
        kind: str,
        *,
        status: str = "True",
        reason: str | None = None,
        seconds: float = OPTIMIZE_SECONDS,
    ) -> Mapping[str, Any]:
        """Wait for a condition and return it."""

        def accept(condition: Mapping[str, Any]) -> bool:
            return condition.get("status") == status and reason in (None, condition.get("reason"))

        found: Mapping[str, Any] = eventually(
            lambda: self.condition(name, kind),
            accept,
            seconds=seconds,
            what=f"{kind}={status} {reason or ''} of {name}",
        )
        return found

    def children(self, kind: str, name: str) -> list[Mapping[str, Any]]:
        """Objects of a kind that belong to a ModelDeployment."""
        items: list[Mapping[str, Any]] = self.cluster.get(
            kind, "-n", self.namespace, "-l", f"trifocal.dev/model-deployment={name}"
        )["items"]
        return items

    def delete_all(self) -> None:
        """Delete what this test applied, and wait until it is gone."""
        if self._names:
            self.cluster.kubectl(
                "delete", "mdep", "-n", self.namespace, "--ignore-not-found", *self._names
            )
