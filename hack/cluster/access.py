"""What CoreDNS may read: the one right that no built-in role grants."""

from typing import Any

from .api import Api

_ROLE = "/apis/rbac.authorization.k8s.io/v1/clusterroles/trifocal-cluster:coredns"
_BINDING = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/trifocal-cluster:coredns"


def ensure_access(api: Api) -> None:
    """Create the role and its binding if they are missing."""
    for path, content in ((_ROLE, _role()), (_BINDING, _binding())):
        if api.get(path) is None:
            api.apply(path, content)


def _role() -> dict[str, Any]:
    verbs = ["get", "list", "watch"]
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": "trifocal-cluster:coredns"},
        "rules": [
            {"apiGroups": [""], "resources": ["services", "namespaces"], "verbs": verbs},
            {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": verbs},
        ],
    }


def _binding() -> dict[str, Any]:
    group = "rbac.authorization.k8s.io"
    return {
        "apiVersion": f"{group}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": "trifocal-cluster:coredns"},
        "roleRef": {
            "apiGroup": group,
            "kind": "ClusterRole",
            "name": "trifocal-cluster:coredns",
        },
        "subjects": [{"apiGroup": group, "kind": "User", "name": "system:coredns"}],
    }
