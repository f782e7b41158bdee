"""The kinds that Trifocal reads and writes: where each lives in the API. Pure.

A table instead of discovery: discovery costs requests and permissions at each start, and the
dynamic client would keep its answer in a world-writable folder.
"""

from dataclasses import dataclass
from urllib.parse import quote

from trifocal.api.names import MANAGED_BY, MANAGED_BY_LABEL
from trifocal.api.schema import GROUP, KIND, PLURAL, VERSION


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One namespaced kind."""

    name: str
    group: str
    version: str
    plural: str

    @property
    def api_version(self) -> str:
        """`apiVersion` as manifests carry it."""
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(self, namespace: str | None, name: str | None = None) -> str:
        """Path of one object, of a namespace's objects, or of all."""
        parts = ["/apis" if self.group else "/api", self.api_version]
        parts += ["namespaces", quote(namespace, safe="")] if namespace else []
        parts += [self.plural] + ([quote(name, safe="")] if name else [])
        return "/".join(parts)


def _kind(name: str, group: str, version: str, plural: str) -> Kind:
    return Kind(name=name, group=group, version=version, plural=plural)


MODEL_DEPLOYMENT = _kind(KIND, GROUP, VERSION, PLURAL)

OWNED = (
    _kind("ConfigMap", "", "v1", "configmaps"),
    _kind("Job", "batch", "v1", "jobs"),
    _kind("Deployment", "apps", "v1", "deployments"),
    _kind("ReplicaSet", "apps", "v1", "replicasets"),
    _kind("Pod", "", "v1", "pods"),
    _kind("Service", "", "v1", "services"),
    _kind("PodDisruptionBudget", "policy", "v1", "poddisruptionbudgets"),
    _kind("NetworkPolicy", "networking.k8s.io", "v1", "networkpolicies"),
)
"""What belongs to a ModelDeployment, directly or through a Deployment or Job."""

WATCHED = (MODEL_DEPLOYMENT, *OWNED)

ON_DEMAND = (
    _kind("PersistentVolumeClaim", "", "v1", "persistentvolumeclaims"),
    _kind("ServiceAccount", "", "v1", "serviceaccounts"),
    _kind("Lease", "coordination.k8s.io", "v1", "leases"),
)
"""Read one at a time; never watched."""

CORE_EVENT = _kind("Event", "", "v1", "events")
"""What kubelet, scheduler and controllers report, with a selectable `involvedObject`."""

EVENT = _kind("Event", "events.k8s.io", "v1", "events")
"""What Trifocal writes."""

_BY_NAME = {kind.name: kind for kind in (*WATCHED, *ON_DEMAND, CORE_EVENT)}
_BY_API = {(k.api_version, k.name): k for k in (*WATCHED, *ON_DEMAND, CORE_EVENT, EVENT)}

MANAGED_SELECTOR = f"{MANAGED_BY_LABEL}={MANAGED_BY}"
"""Label selector of every owned object; pods and ReplicaSets carry it through their template."""


def kind_named(name: str) -> Kind:
    """The kind of that name; `Event` is the core one.

    Raises:
        KeyError: Trifocal has no business with that kind.
    """
    return _BY_NAME[name]


def kind_of(api_version: str, name: str) -> Kind:
    """The kind that a manifest states.

    Raises:
        KeyError: Trifocal has no business with that kind.
    """
    return _BY_API[api_version, name]


def selector_of(kind: Kind) -> str:
    """Label selector under which objects of a watched kind are listed and watched."""
    return "" if kind is MODEL_DEPLOYMENT else MANAGED_SELECTOR
