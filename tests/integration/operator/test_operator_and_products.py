"""A model on several GPU products, on a real API server; the test plays controllers and nodes.

Only what the API server has a part in: the Deployments' writes, the status that it takes, a list of
products that is edited. The choice itself is held by unit tests, and by those with Karpenter.
"""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from typing_extensions import override

from hack.cluster.polling import becomes_true
from tests.faults.client import Client, Manifest
from tests.faults.controllers import Controllers
from tests.integration.api.test_upgrade_operator import look_again
from tests.support.control_plane import ControlPlane
from tests.support.manifests import changed, minimal
from tests.support.operator_process import OperatorProcess, operator
from tests.support.tenant import Tenant
from trifocal.api.names import PRODUCT_LABEL, REVISION_LABEL
from trifocal.reconcile.children import is_ready

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

L4, T4 = "NVIDIA-L4", "Tesla-T4"
SECONDS = 240.0
"""A cheaper pod replaces a dearer one 30 s after it is ready; the rest is for a busy machine."""
SETTINGS = {
    "optimizer_tensorrt_image": "registry.example.com/optimizer-tensorrt:1",
    "accelerator_prices": json.dumps({L4: 0.8, T4: 0.5}),
    "accelerator_patience_seconds": "3",
}


class Shop(Controllers):
    """Nodes of one product each, as long as it is offered."""

    offered: frozenset[str] = frozenset()

    @override
    def _start(self, owner: Manifest, name: str) -> None:
        """Without a node, as the ReplicaSet controller leaves a pod."""
        if PRODUCT_LABEL not in owner["metadata"].get("labels", {}):
            super()._start(owner, name)
            return
        template = owner["spec"]["template"]
        reference = {
            **{key: owner["metadata"][key] for key in ("name", "uid")},
            **{key: owner[key] for key in ("apiVersion", "kind")},
            "controller": True,
        }
        metadata = {
            **template["metadata"],
            "name": name,
            "namespace": owner["metadata"]["namespace"],
            "ownerReferences": [reference],
        }
        self._create(
            {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}
        )

    @override
    def _run(self, pod: Manifest) -> None:
        product = pod["metadata"]["labels"].get(PRODUCT_LABEL)
        if product is None or pod["spec"].get("nodeName"):
            super()._run(pod)
        elif product in self.offered:
            self._bind(pod, product.lower())
        elif not pod["status"].get("conditions"):
            self._status(pod, {"conditions": [_no_room()]})

    def _bind(self, pod: Manifest, node: str) -> None:
        meta = pod["metadata"]
        path = f"/api/v1/namespaces/{meta['namespace']}/pods/{meta['name']}/binding"
        body = {"metadata": {"name": meta["name"]}, "target": {"kind": "Node", "name": node}}
        self._client.must("POST", path, body, "application/json")


def _no_room() -> Manifest:
    return {
        "type": "PodScheduled",
        "status": "False",
        "reason": "Unschedulable",
        "message": "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector.",
        "lastTransitionTime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


@pytest.fixture(scope="module", name="leader")
def _leader(plane: ControlPlane) -> Iterator[OperatorProcess]:
    with operator(plane.kubeconfig, **SETTINGS) as running:
        yield running.wait_until_leading()


@pytest.fixture(name="shop")
def _shop(tenant: Tenant) -> Iterator[Shop]:
    client = Client(tenant.plane, "controllers")
    yield Shop(client, tenant.namespace)
    client.close()


def on(tenant: Tenant, product: str) -> list[Manifest]:
    pods = tenant.get("pods", "-l", f"{PRODUCT_LABEL}={product}")
    return [pod for pod in pods if is_ready(pod)]


def asked(tenant: Tenant) -> dict[str, int]:
    found = tenant.get("deployments")
    return {d["metadata"]["labels"][PRODUCT_LABEL]: d["spec"]["replicas"] for d in found}


def played_until(
    shop: Shop, holds: Callable[[], bool], always: Callable[[], bool] = lambda: True
) -> bool:
    def step() -> bool:
        shop.step()
        assert always()
        return holds()

    return becomes_true(step, SECONDS)


def products(tenant: Tenant) -> Any:
    (found,) = tenant.get("mdep")
    return found["status"].get("products")


def test_the_dearer_product_serves_until_the_cheaper_does(
    tenant: Tenant, leader: OperatorProcess, shop: Shop
) -> None:
    body = changed(minimal(namespace=tenant.namespace), "spec.replicas", 2)
    accelerator = {"resource": "nvidia.com/gpu", "count": 1, "products": [L4, T4]}
    tenant.create(changed(body, "spec.serving.accelerator", accelerator))

    shop.offered = frozenset({L4})
    assert played_until(
        shop,
        lambda: tenant.reports("Ready", "Ready") and tenant.reports("Available", "DearerProduct"),
    ), leader.log()
    assert asked(tenant) == {L4: 2, T4: 2}
    counts = {"replicas": 2, "readyReplicas": 2, "waitingReplicas": 0}
    assert products(tenant) == [
        {
            "product": T4,
            "replicas": 0,
            "readyReplicas": 0,
            "waitingReplicas": 2,
            "pricePerHour": 0.5,
        },
        {"product": L4, **counts, "pricePerHour": 0.8},
    ]
    selectors = {d["spec"]["selector"]["matchLabels"][PRODUCT_LABEL] for d in tenant.get("deploy")}
    assert selectors == {L4, T4}

    since = tenant.plane.audit_position()
    look_again(tenant, leader)
    written = [w for w in tenant.plane.audit_writes(since) if w.namespace == tenant.namespace]
    assert [w for w in written if "kubectl" not in w.user_agent] == [], leader.log()

    shop.offered = frozenset({L4, T4})
    assert played_until(
        shop,
        lambda: asked(tenant) == {L4: 0, T4: 2} and not on(tenant, L4),
        always=lambda: len(on(tenant, L4)) + len(on(tenant, T4)) >= 2,
    ), leader.log()
    before = {pod["metadata"]["uid"] for pod in on(tenant, T4)}
    assert len(before) == 2

    # One product less is the same revision with a Deployment less.
    patch = json.dumps({"spec": {"serving": {"accelerator": {"products": [T4]}}}})
    tenant.run("patch", "mdep", "digits", "--type=merge", "-p", patch)
    assert played_until(shop, lambda: asked(tenant) == {T4: 2}), leader.log()
    assert {pod["metadata"]["uid"] for pod in on(tenant, T4)} == before
    (service,) = tenant.get("service", "-l", "trifocal.dev/model-deployment=digits")
    (deployment,) = tenant.get("deployments")
    revision = deployment["metadata"]["labels"][REVISION_LABEL]
    assert service["spec"]["selector"][REVISION_LABEL] == revision
    assert len(tenant.get("jobs")) == 1


def fetched(deployment: Manifest) -> str:
    arguments = deployment["spec"]["template"]["spec"]["initContainers"][0]["args"]
    return str(arguments[arguments.index("--artifact") + 1])


def test_each_product_gets_its_own_engine_and_its_own_deployment(
    tenant: Tenant, leader: OperatorProcess, shop: Shop
) -> None:
    body = changed(minimal(namespace=tenant.namespace), "spec.replicas", 2)
    accelerator = {"resource": "nvidia.com/gpu", "count": 1, "products": [L4, T4]}
    body = changed(body, "spec.serving.accelerator", accelerator)
    tenant.create(changed(body, "spec.optimization.targets", [{"runtime": "tensorrt"}]))
    shop.offered = frozenset({L4})
    assert played_until(
        shop,
        lambda: tenant.reports("Ready", "Ready") and tenant.reports("Available", "DearerProduct"),
    ), leader.log()
    jobs = tenant.get("jobs")
    nodes = {j["spec"]["template"]["spec"]["nodeSelector"]["nvidia.com/gpu.product"] for j in jobs}
    assert (nodes, len(jobs)) == ({L4, T4}, 2)
    engines = {
        d["metadata"]["labels"][PRODUCT_LABEL]: fetched(d) for d in tenant.get("deployments")
    }
    assert engines[L4] != engines[T4]
    assert {p["product"]: p["artifact"] for p in products(tenant)} == engines
    since = tenant.plane.audit_position()
    look_again(tenant, leader)
    written = [w for w in tenant.plane.audit_writes(since) if w.namespace == tenant.namespace]
    assert [w for w in written if "kubectl" not in w.user_agent] == [], leader.log()
