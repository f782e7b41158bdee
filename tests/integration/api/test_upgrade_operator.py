"""The operator is upgraded while a model serves: pods go on, and only what is new has new images.

There are no controllers: the test ends the Job and makes the pod that the Deployment asks for. The
API server is of its own, for an operator works on everything that it finds.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.support import results
from tests.support.control_plane import ControlPlane, control_plane
from tests.support.manifests import Manifest
from tests.support.operator_process import OperatorProcess, operator
from tests.support.tenant import Tenant
from trifocal.api import names

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

SECONDS = 180  # a busy machine; an idle one takes a tenth of it
TOUCHES = 3


@pytest.fixture(scope="module", name="plane")
def _plane() -> Iterator[ControlPlane]:
    with control_plane() as plane:
        yield plane


def images(release: str) -> dict[str, str]:
    """The images of a release, as the chart sets them."""
    return {
        "operator_image": f"registry.example.com/operator:{release}",
        "optimizer_image": f"registry.example.com/optimizer:{release}",
    }


def owned(owner: Manifest, kind: str, version: str, labels: dict[str, str]) -> dict[str, Any]:
    reference = {key: owner["metadata"][key] for key in ("name", "uid")}
    reference |= {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "controller": True,
    }
    name = f"{owner['metadata']['name']}-1"
    metadata = {"name": name, "labels": labels, "ownerReferences": [reference]}
    return {"apiVersion": version, "kind": kind, "metadata": metadata}


def start_pod(tenant: Tenant, owner: Manifest, status: Manifest) -> None:
    """As a controller and the kubelet would."""
    template = owner["spec"]["template"]["metadata"]
    pod = owned(owner, "Pod", "v1", template["labels"])
    pod["metadata"]["annotations"] = template.get("annotations", {})
    container = owner["spec"]["template"]["spec"]["containers"][0]
    pod["spec"] = {
        "automountServiceAccountToken": False,
        "containers": [{"name": container["name"], "image": container["image"]}],
    }
    tenant.create(pod)
    tenant.set_status("pod", pod["metadata"]["name"], status)


def finish_job(tenant: Tenant) -> None:
    (job,) = tenant.get("jobs")
    request = job["metadata"]["annotations"][names.REQUEST_ANNOTATION]
    found = results.artifact().model_copy(update={"request": request, "smoke": None})
    ended = {
        "exitCode": 0,
        "reason": "Completed",
        "message": found.model_dump_json(by_alias=True),
        "startedAt": None,
        "finishedAt": None,
    }
    container = {
        "name": "optimizer",
        "image": "optimizer",
        "imageID": "",
        "ready": False,
        "restartCount": 0,
        "state": {"terminated": ended},
    }
    start_pod(tenant, job, {"phase": "Succeeded", "containerStatuses": [container]})


def start_serving(tenant: Tenant) -> None:
    (deployment,) = tenant.get("deployments")
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    replica_set = owned(deployment, "ReplicaSet", "apps/v1", labels)
    replica_set["spec"] = {key: deployment["spec"][key] for key in ("selector", "template")}
    tenant.create(replica_set)
    (made,) = tenant.get("replicasets")
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    ready = {"type": "Ready", "status": "True", "lastTransitionTime": now}
    address = "127.8.0.3"
    running = {"phase": "Running", "podIP": address, "podIPs": [{"ip": address}]}
    start_pod(tenant, made, {**running, "conditions": [ready]})


def serve(tenant: Tenant, leader: OperatorProcess) -> None:
    """From the manifest to a model that answers."""
    tenant.deploy()
    assert tenant.eventually(lambda: tenant.get("jobs"), SECONDS), leader.log()
    finish_job(tenant)
    assert tenant.eventually(lambda: tenant.get("deployments"), SECONDS), leader.log()
    start_serving(tenant)
    assert tenant.eventually(lambda: tenant.reports("Ready", "Ready"), SECONDS), leader.log()


def reported(tenant: Tenant) -> Manifest:
    (found,) = tenant.get("mdep")
    return dict(found["status"])


def passes(leader: OperatorProcess) -> float:
    return leader.metrics().get('trifocal_reconcile_seconds_count{outcome="ok"}', 0.0)


def look_again(tenant: Tenant, leader: OperatorProcess) -> None:
    """Have the operator make some passes over the object."""
    before = passes(leader)
    for number in range(TOUCHES):
        tenant.run("annotate", "mdep", "digits", f"example.com/touch={number}", "--overwrite")
        seen = before + number + 1
        assert tenant.eventually(lambda seen=seen: passes(leader) >= seen, SECONDS), leader.log()


def used(deployment: Manifest) -> set[str]:
    return {c["image"] for c in deployment["spec"]["template"]["spec"]["initContainers"]}


def has_second_revision(tenant: Tenant) -> bool:
    return len(tenant.get("deployments")) == 2


def test_an_upgrade_writes_nothing_and_the_next_revision_is_of_the_new_release(
    plane: ControlPlane,
) -> None:
    tenant = Tenant(plane)
    with operator(plane.kubeconfig, "old", **images("0.1.0")) as old:
        serve(tenant, old.wait_until_leading())
        look_again(tenant, old)
        assert old.terminate() == 0
    (before,) = tenant.get("deployments")
    said = reported(tenant)
    with operator(plane.kubeconfig, "new", **images("0.2.0")) as new:
        since = plane.audit_position()
        look_again(tenant, new.wait_until_leading())
        assert reported(tenant) == said
        written = [w for w in plane.audit_writes(since) if "kubectl" not in w.user_agent]
        assert [w for w in written if w.namespace == tenant.namespace] == [], new.log()
        assert tenant.get("deployments") == [before]
        assert used(before) == {images("0.1.0")["operator_image"]}
        patch = '{"spec":{"serving":{"instances":2}}}'
        tenant.run("patch", "mdep", "digits", "--type=merge", "-p", patch)
        assert tenant.eventually(lambda: has_second_revision(tenant), SECONDS), new.log()
    made = [
        d for d in tenant.get("deployments") if d["metadata"]["uid"] != before["metadata"]["uid"]
    ]
    assert used(*made) == {images("0.2.0")["operator_image"]}
    assert len(tenant.get("jobs")) == 1
