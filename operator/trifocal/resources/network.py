"""NetworkPolicies: who may reach serving pods and optimization pods. Pure.

They need a network plugin that enforces them. What pods may reach is left to the cluster: a
policy cannot tell an object store from anything else by name.
"""

from typing import Any

from trifocal.api import names
from trifocal.api.modeldeployment import ModelDeployment
from trifocal.api.schema import GROUP
from trifocal.optimizer.contract import PROGRESS_PORT
from trifocal.resources import optimization_job, serving_pod
from trifocal.resources.metadata import Manifest, metadata
from trifocal.settings import Settings
from trifocal.triton.arguments import GRPC_PORT, HTTP_PORT, METRICS_PORT

CLIENTS_LABEL = f"{GROUP}/clients"
"""`true` on a namespace: its pods may send inference requests across namespaces."""
METRICS_LABEL = f"{GROUP}/metrics"
"""`true` on a namespace: its pods may scrape the serving pods, for a Prometheus of your own."""


def serving_network_policy(md: ModelDeployment, settings: Settings) -> Manifest:
    """Inference from the own namespace and labelled ones; the operator checks and scrapes.

    Triton has no authentication, so who can connect can ask; hence no access by default from
    other tenants' namespaces.
    """
    operator = _namespace(settings.namespace)
    ingress = [
        {
            "from": [{"podSelector": {}}, _labelled(CLIENTS_LABEL), operator],
            "ports": _ports(HTTP_PORT, GRPC_PORT),
        },
        {"from": [operator, _labelled(METRICS_LABEL)], "ports": _ports(METRICS_PORT)},
    ]
    return _policy(md, md.metadata.name, serving_pod.COMPONENT, ingress)


def optimization_network_policy(md: ModelDeployment, settings: Settings) -> Manifest:
    """Only the operator reads an optimization's progress."""
    ingress = [{"from": [_namespace(settings.namespace)], "ports": _ports(PROGRESS_PORT)}]
    name = f"{md.metadata.name}-{optimization_job.COMPONENT}"
    return _policy(md, name, optimization_job.COMPONENT, ingress)


def _policy(
    md: ModelDeployment, name: str, component: str, ingress: list[dict[str, Any]]
) -> Manifest:
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": metadata(md, name, component),
        "spec": {
            "podSelector": {
                "matchLabels": {
                    names.NAME_LABEL: md.metadata.name,
                    names.COMPONENT_LABEL: component,
                }
            },
            "policyTypes": ["Ingress"],
            "ingress": ingress,
        },
    }


def _namespace(name: str) -> dict[str, Any]:
    return {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": name}}}


def _labelled(label: str) -> dict[str, Any]:
    return {"namespaceSelector": {"matchLabels": {label: "true"}}}


def _ports(*ports: int) -> list[dict[str, Any]]:
    return [{"port": port, "protocol": "TCP"} for port in ports]
