"""A user of the operator in tests: a namespace, its ModelDeployments, and what was made of them."""

import json
from typing import Any

from hack.cluster.polling import becomes_true
from tests.support.control_plane import ControlPlane
from tests.support.manifests import minimal

OWNED = (
    "configmaps,jobs.batch,deployments.apps,services,poddisruptionbudgets.policy,"
    "networkpolicies.networking.k8s.io"
)
MANAGED = "app.kubernetes.io/managed-by=trifocal"
FIRST_CHILDREN = {
    ("ConfigMap", "digits-opt"),
    ("Job", "digits-opt"),
    ("NetworkPolicy", "digits"),
    ("NetworkPolicy", "digits-optimization"),
    ("PodDisruptionBudget", "digits"),
    ("Service", "digits"),
}
"""What a new ModelDeployment `digits` has before its Job ends, hashes left out."""
_DEADLINE = 45  # seconds; a busy two-core machine takes a tenth of it

Manifest = dict[str, Any]


class Tenant:
    """One namespace."""

    def __init__(self, plane: ControlPlane) -> None:
        """Create the namespace and the claims that `minimal` names."""
        self.plane = plane
        self.namespace = plane.namespace()
        for claim in ("models", "artifacts"):
            self.create(
                {
                    "apiVersion": "v1",
                    "kind": "PersistentVolumeClaim",
                    "metadata": {"name": claim},
                    "spec": {
                        "accessModes": ["ReadWriteOnce"],
                        "resources": {"requests": {"storage": "1Gi"}},
                    },
                }
            )

    def create(self, *manifests: Manifest) -> None:
        """Create objects in the namespace."""
        items = [
            {**m, "metadata": {**m["metadata"], "namespace": self.namespace}} for m in manifests
        ]
        whole = {"apiVersion": "v1", "kind": "List", "items": items}
        self.plane.must("create", "-f", "-", stdin=json.dumps(whole))

    def deploy(self, *names: str) -> None:
        """Create ModelDeployments."""
        self.create(*(minimal(name, self.namespace) for name in names or ("digits",)))

    def run(self, *arguments: str, stdin: str | None = None) -> str:
        """Run kubectl in the namespace."""
        return self.plane.must("-n", self.namespace, *arguments, stdin=stdin)

    def get(self, kind: str, *arguments: str) -> list[Manifest]:
        """Objects of a kind, or of several."""
        listed = json.loads(self.run("get", kind, "-o", "json", *arguments))
        items: list[Manifest] = listed.get("items", [listed])
        return items

    def find(self, kind: str, name: str) -> Manifest | None:
        """One object, or None."""
        text = self.run("get", kind, name, "-o", "json", "--ignore-not-found")
        return json.loads(text) if text else None

    def children(self) -> set[tuple[str, str]]:
        """(kind, name) of everything managed, the hash in a name left out."""
        return {
            (o["kind"], _without_hash(o["metadata"]["name"]))
            for o in self.get(OWNED, "-l", MANAGED)
        }

    def condition(self, kind: str, name: str = "digits") -> Manifest | None:
        """A condition of a ModelDeployment."""
        found = self.find("mdep", name) or {}
        conditions = found.get("status", {}).get("conditions", [])
        return next((c for c in conditions if c["type"] == kind), None)

    def reports(self, kind: str, reason: str, name: str = "digits") -> bool:
        """Whether a condition has that reason."""
        found = self.condition(kind, name)
        return found is not None and found["reason"] == reason

    def has_settled(self) -> bool:
        """Whether `digits` has its first children, and says that its Job is at work."""
        return self.children() == FIRST_CHILDREN and self.reports("Optimized", "Optimizing")

    def set_status(self, kind: str, name: str, status: Manifest) -> None:
        """Write a status as a controller would."""
        patch = json.dumps({"status": status})
        self.run("patch", kind, name, "--subresource=status", "--type=merge", "-p", patch)

    def leave(self) -> None:
        """Delete the ModelDeployments and their children, so that later tests see none."""
        self.run("delete", "mdep", "--all", "--wait=false")
        self.run("delete", f"{OWNED},pods,events", "--all", "--wait=false", "--force")

    def eventually(self, condition: Any, seconds: float = _DEADLINE) -> bool:
        """Whether something becomes true in time."""
        return becomes_true(condition, seconds)


def _without_hash(name: str) -> str:
    head, _, tail = name.rpartition("-")
    return head if len(tail) == 10 and set(tail) <= set("0123456789abcdef") else name
