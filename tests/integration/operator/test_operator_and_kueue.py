"""A Job that waits for Kueue, on a real API server; the test plays Kueue and the Job controller."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration.api.test_upgrade_operator import finish_job, look_again
from tests.support.control_plane import ControlPlane
from tests.support.manifests import changed, minimal
from tests.support.operator_process import OperatorProcess, operator
from tests.support.tenant import Manifest, Tenant

pytestmark = pytest.mark.integration

SECONDS = 180  # a busy machine; an idle one takes a tenth of it
SETTLED = {"conditions": [{"type": "Suspended", "status": "True", "reason": "JobSuspended"}]}


@pytest.fixture(scope="module", name="leader")
def _leader(plane: ControlPlane) -> Iterator[OperatorProcess]:
    with operator(plane.kubeconfig) as running:
        yield running.wait_until_leading()


def job(tenant: Tenant) -> Manifest:
    (only,) = tenant.get("jobs")
    return only


def write_spec(tenant: Tenant, spec: Any) -> None:
    name = job(tenant)["metadata"]["name"]
    tenant.run("patch", "job", name, "--type=merge", "-p", json.dumps({"spec": spec}))


def says(tenant: Tenant, words: str) -> bool:
    found = tenant.condition("Optimized")
    return found is not None and words in found["message"]


def operators_writes(tenant: Tenant, since: int) -> list[tuple[str, str]]:
    return [
        (w.resource, w.subresource)
        for w in tenant.plane.audit_writes(since)
        if w.namespace == tenant.namespace and "kubectl" not in w.user_agent
    ]


def test_a_job_waits_for_kueue_is_admitted_and_its_result_is_taken(
    tenant: Tenant, leader: OperatorProcess
) -> None:
    since = tenant.plane.audit_position()
    body = minimal(namespace=tenant.namespace)
    tenant.create(changed(body, "spec.optimization.job.queue", "gpus"))
    assert tenant.eventually(lambda: tenant.get("jobs"), SECONDS), leader.log()
    made = job(tenant)
    assert made["metadata"]["labels"]["kueue.x-k8s.io/queue-name"] == "gpus"

    # Kueue's webhook sets it on creation; the Job controller says that it has seen it.
    write_spec(tenant, {"suspend": True})
    tenant.set_status("job", made["metadata"]["name"], SETTLED)
    waits = f"Job {made['metadata']['name']} waits in queue gpus until Kueue admits it."
    assert tenant.eventually(lambda: says(tenant, waits), SECONDS), leader.log()
    assert tenant.condition("Stalled") is None

    # Admission, in a flavour of the queue's resources: first where, then that.
    waiting = tenant.plane.audit_position()
    write_spec(tenant, {"template": {"spec": {"nodeSelector": {"pool": "spot"}}}})
    look_again(tenant, leader)
    assert operators_writes(tenant, waiting) == []
    write_spec(tenant, {"suspend": False})
    finish_job(tenant)
    assert tenant.eventually(lambda: tenant.reports("Optimized", "Optimized"), SECONDS), (
        leader.log()
    )

    done = job(tenant)
    assert done["metadata"]["uid"] == made["metadata"]["uid"]
    assert done["spec"]["template"]["spec"]["nodeSelector"] == {"pool": "spot"}
    assert operators_writes(tenant, since).count(("jobs", "")) == 1


def test_the_operator_owns_no_field_that_kueue_writes(
    tenant: Tenant, leader: OperatorProcess
) -> None:
    tenant.deploy()
    assert tenant.eventually(lambda: tenant.get("jobs"), SECONDS), leader.log()
    (made,) = tenant.get("jobs", "--show-managed-fields")
    (ours,) = made["metadata"]["managedFields"]
    assert ours["manager"] == "trifocal"
    assert "f:suspend" not in ours["fieldsV1"]["f:spec"]
    pod = ours["fieldsV1"]["f:spec"]["f:template"]["f:spec"]
    assert not {"f:nodeSelector", "f:tolerations"} & set(pod)
