"""One namespace with ModelDeployments whose pods run on Karpenter's nodes."""

import json
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from hack.cluster.polling import becomes_true
from tests.autoscalers.machines import GPU, POOL
from tests.support.control_plane import ControlPlane
from tests.support.karpenter import GROUP, NAME
from tests.support.kwok_cluster import logs
from tests.support.manifests import minimal
from trifocal.api import names

DEADLINE_SECONDS = 90.0
"""For what takes twenty on an idle machine: Karpenter looks for something to disrupt every ten
seconds, and looks again after fifteen before it consolidates."""
HPA_SECONDS = 1
"""How often HorizontalPodAutoscalers are looked at, instead of every 15 s."""
APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"

Manifest = dict[str, Any]


def manifest(name: str, product: str, **spec: Any) -> Manifest:
    """A ModelDeployment on one GPU of that product; its data is in an object store."""
    made = minimal(name)
    data = {"secretRef": {"name": "models"}}
    model = made["spec"]["model"]
    model["source"] = {**model["source"], "uri": f"s3://models/{name}.onnx", **data}
    evaluation = made["spec"]["optimization"]["datasets"]["evaluation"]
    for place in (model["source"], evaluation):
        place.pop("claimName", None)
    evaluation |= {"uri": "s3://models/evaluation.tar", **data}
    made["spec"]["artifacts"] = {"uri": "s3://artifacts", **data}
    made["spec"]["serving"] = {"accelerator": {"resource": GPU, "count": 1, "product": product}}
    made["spec"] |= spec
    del made["metadata"]["namespace"]
    return made


def is_serving(pod: Manifest) -> bool:
    """Ready, and not being deleted: what a PodDisruptionBudget counts as healthy."""
    conditions = pod.get("status", {}).get("conditions", ())
    ready = any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)
    return ready and "deletionTimestamp" not in pod["metadata"]


def selector(name: str, component: str = "serving") -> str:
    """Labels of a model's pods."""
    return f"{names.NAME_LABEL}={name},{names.COMPONENT_LABEL}={component}"


@dataclass(frozen=True)
class Fleet:
    """What a team sees with kubectl, by the API."""

    plane: ControlPlane
    namespace: str

    @classmethod
    def of(cls, plane: ControlPlane) -> "Fleet":
        """In a new namespace."""
        name = f"team-{secrets.token_hex(4)}"
        _succeeds(plane.request("POST", "/api/v1/namespaces", {"metadata": {"name": name}}))
        account = f"/api/v1/namespaces/{name}/serviceaccounts/default"
        assert becomes_true(lambda: plane.answers(account), DEADLINE_SECONDS), logs(plane)
        return cls(plane, name)

    # ModelDeployments

    def path(self, name: str = "") -> str:
        """Of a ModelDeployment, or of all of them."""
        whole = f"/apis/trifocal.dev/v1alpha1/namespaces/{self.namespace}/modeldeployments"
        return f"{whole}/{name}" if name else whole

    def apply(self, made: Manifest) -> Manifest:
        """Apply on the server, as the team."""
        path = self.path(made["metadata"]["name"]) + "?fieldManager=team&force=true"
        return _succeeds(self.plane.request("PATCH", path, made, content_type=APPLY))

    def scale(self, name: str, replicas: int) -> None:
        """Scale by the subresource, as `kubectl scale` does."""
        body = {"spec": {"replicas": replicas}}
        path = self.path(name) + "/scale"
        _succeeds(self.plane.request("PATCH", path, body, content_type=MERGE))

    def model(self, name: str) -> Manifest:
        """The ModelDeployment."""
        return _succeeds(self.plane.request("GET", self.path(name)))

    def condition(self, name: str, kind: str) -> Manifest:
        """A condition of it; empty where there is none."""
        found = self.model(name).get("status", {}).get("conditions", ())
        return next((c for c in found if c["type"] == kind), {})

    def serves(self, name: str, replicas: int) -> bool:
        """Whether its status says so of the present spec, and so many pods are ready.

        Pods of a revision that had the traffic before stay a while and are not counted.
        """
        found = self.model(name)
        status = found.get("status", {})
        revision = status.get("revision", {}).get("serving")
        pods = [
            pod
            for pod in self.pods(name)
            if is_serving(pod) and pod["metadata"]["labels"].get(names.REVISION_LABEL) == revision
        ]
        ready = [c["status"] for c in status.get("conditions", ()) if c["type"] == "Ready"]
        return (
            status.get("observedGeneration") == found["metadata"]["generation"]
            and ready == ["True"]
            and status.get("readyReplicas") == replicas
            and len(pods) == replicas
        )

    # Pods and nodes

    def pods(self, name: str, component: str = "serving") -> list[Manifest]:
        """The model's pods that are not being deleted."""
        query = f"?labelSelector={quote(selector(name, component))}"
        found = self._list(f"/api/v1/namespaces/{self.namespace}/pods{query}")
        return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]

    def places(self, name: str, component: str = "serving") -> set[str]:
        """The nodes that these pods are on."""
        bound = (pod["spec"].get("nodeName") for pod in self.pods(name, component))
        return {node for node in bound if node}

    def labels(self, node: str) -> Manifest:
        """Of a node."""
        found = _succeeds(self.plane.request("GET", f"/api/v1/nodes/{node}"))
        return dict(found["metadata"]["labels"])

    def nodes(self) -> set[str]:
        """All nodes that there are."""
        return {node["metadata"]["name"] for node in self._list("/api/v1/nodes")}

    def claims(self, nodes: Iterable[str]) -> list[str]:
        """Names of the NodeClaims of these nodes."""
        wanted = set(nodes)
        return [
            claim["metadata"]["name"]
            for claim in self._list(f"{GROUP}/nodeclaims")
            if claim.get("status", {}).get("nodeName") in wanted
        ]

    def give_back(self, nodes: Iterable[str]) -> None:
        """Delete the NodeClaims of these nodes, which has Karpenter drain and end them."""
        for claim in self.claims(nodes):
            _succeeds(self.plane.request("DELETE", f"{GROUP}/nodeclaims/{claim}"))

    def take_away(self, name: str, nodes: set[str]) -> None:
        """Machines with pods of the model end without a drain, as spot machines do.

        A cloud's controllers delete the Node and tell Karpenter; the pods are removed by the
        garbage collector of pods 40 to 60 s later, which is done at once here.
        """
        pods = [pod for pod in self.pods(name) if pod["spec"].get("nodeName") in nodes]
        claims = self.claims(nodes)
        for node in nodes:
            self._end(f"/api/v1/nodes/{node}", unfinished=True)
        for claim in claims:
            self._end(f"{GROUP}/nodeclaims/{claim}", unfinished=True)
        for pod in pods:
            self._end(f"/api/v1/namespaces/{self.namespace}/pods/{pod['metadata']['name']}")

    def _end(self, path: str, *, unfinished: bool = False) -> None:
        """Delete an object at once; with its finalizers unserved if `unfinished`."""
        if unfinished:
            none: Manifest = {"metadata": {"finalizers": None}}
            self.plane.request("PATCH", path, none, content_type=MERGE)
        self.plane.request("DELETE", path, {"gracePeriodSeconds": 0})

    def drift(self, pool: str) -> None:
        """Change the NodePool's template, so that its nodes are no longer as it wants them."""
        annotations = {"test.trifocal.dev/version": secrets.token_hex(4)}
        self._change_pool(pool, {"template": {"metadata": {"annotations": annotations}}})

    def limit(self, pool: str, gpus: int | None) -> None:
        """Let the NodePool have so many GPUs and no more; None for any number."""
        self._change_pool(pool, {"limits": None if gpus is None else {GPU: str(gpus)}})

    def _change_pool(self, pool: str, spec: Manifest) -> None:
        path = f"{GROUP}/nodepools/{pool}"
        _succeeds(self.plane.request("PATCH", path, {"spec": spec}, content_type=MERGE))

    def until(self, holds: Callable[[], bool], seconds: float = DEADLINE_SECONDS) -> None:
        """Wait for it, and tell what went on if it does not come."""
        assert becomes_true(holds, seconds), self._trouble()

    def leave(self) -> None:
        """Delete the namespace; Karpenter lets the nodes go by itself."""
        self.plane.request("DELETE", f"/api/v1/namespaces/{self.namespace}")

    def _list(self, path: str) -> list[Manifest]:
        items: list[Manifest] = _succeeds(self.plane.request("GET", path))["items"]
        return items

    def _trouble(self) -> str:
        models = _succeeds(self.plane.request("GET", self.path()))["items"]
        told = [json.dumps(model.get("status", {}), indent=1) for model in models]
        pods = self._list(f"/api/v1/namespaces/{self.namespace}/pods")
        told += [
            f"{pod['metadata']['name']} on {pod['spec'].get('nodeName')}: "
            f"{pod['status'].get('phase')} {pod['status'].get('conditions')}"
            for pod in pods
        ]
        told += [
            f"{node['metadata']['name']} of {node['metadata']['labels'].get(POOL)}: "
            f"{node['spec'].get('taints')}"
            for node in self._list("/api/v1/nodes")
        ]
        return "\n".join([*told, self.plane.log(NAME), logs(self.plane)])


def _succeeds(found: tuple[int, Manifest]) -> Manifest:
    status, answer = found
    assert status < HTTPStatus.MULTIPLE_CHOICES, answer
    return answer
