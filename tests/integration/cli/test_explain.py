"""`kubectl trifocal status` and `explain` against a real API server and operator."""

import json
from typing import Any

import pytest

from tests.integration.cli.conftest import Plugin
from tests.support.manifests import changed, minimal
from tests.support.operator_process import OperatorProcess
from tests.support.tenant import Tenant

pytestmark = pytest.mark.integration


def start_unschedulable_pod(tenant: Tenant) -> None:
    """What the Job controller, the scheduler and its event would be."""
    (job,) = tenant.get("jobs")
    template = job["spec"]["template"]
    owner = {key: job["metadata"][key] for key in ("name", "uid")}
    owner |= {"apiVersion": "batch/v1", "kind": "Job", "controller": True}
    metadata = {"name": "one", "ownerReferences": [owner], **template["metadata"]}
    tenant.create({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, **smallest_spec()})
    (pod,) = tenant.get("pods")
    words = "0/3 nodes are available: 3 Insufficient memory."
    tenant.create(
        {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": "one.1"},
            "involvedObject": {
                "kind": "Pod",
                "namespace": tenant.namespace,
                **{key: pod["metadata"][key] for key in ("name", "uid")},
            },
            "type": "Warning",
            "reason": "FailedScheduling",
            "message": words,
            "lastTimestamp": pod["metadata"]["creationTimestamp"],
        }
    )
    unschedulable = {
        "type": "PodScheduled",
        "status": "False",
        "reason": "Unschedulable",
        "message": words,
        "lastTransitionTime": pod["metadata"]["creationTimestamp"],
    }
    tenant.set_status("pod", "one", {"phase": "Pending", "conditions": [unschedulable]})


def smallest_spec() -> dict[str, Any]:
    container = {"name": "optimizer", "image": "optimizer"}
    return {"spec": {"automountServiceAccountToken": False, "containers": [container]}}


def test_a_pod_that_no_node_takes(
    tenant: Tenant, leader: OperatorProcess, trifocal: Plugin
) -> None:
    tenant.deploy()
    assert tenant.eventually(tenant.has_settled), leader.log()
    start_unschedulable_pod(tenant)
    assert tenant.eventually(lambda: tenant.reports("Ready", "Unschedulable")), leader.log()
    done = trifocal("explain digits")
    assert done.returncode == 2, done.stderr
    assert ">  optimization  in trouble  Unschedulable: No node takes pod one" in done.stdout
    assert "Pod one, FailedScheduling: 0/3 nodes are available" in done.stdout
    assert "next try    the scheduler tries again whenever a node changes" in done.stdout
    told = json.loads(trifocal("explain digits -o json").stdout)
    assert (told["cause"], told["progress"]) == ("optimization", "waiting")


def test_a_job_that_kueue_holds(tenant: Tenant, leader: OperatorProcess, trifocal: Plugin) -> None:
    """The test suspends it, as Kueue's webhook does."""
    body = minimal(namespace=tenant.namespace)
    tenant.create(changed(body, "spec.optimization.job.queue", "gpus"))
    assert tenant.eventually(lambda: tenant.get("jobs")), leader.log()
    (job,) = tenant.get("jobs")
    name, uid = job["metadata"]["name"], job["metadata"]["uid"]
    tenant.run("patch", "job", name, "--type=merge", "-p", '{"spec":{"suspend":true}}')
    held = f"Kueue holds Job {name} in LocalQueue gpus"

    def told() -> str:
        return " ".join(trifocal("explain digits").stdout.split())

    assert tenant.eventually(lambda: held in told()), leader.log()
    assert f"-n {tenant.namespace} -l kueue.x-k8s.io/job-uid={uid}" in told()


def test_what_there_is_not_has_no_answer(tenant: Tenant, trifocal: Plugin) -> None:
    for command in ("explain digits", "status digits -w"):
        done = trifocal(command)
        assert done.returncode == 3
        assert f"There is no ModelDeployment digits in namespace {tenant.namespace}" in done.stderr


def test_waiting_for_a_model_ends_when_the_time_is_up_or_it_stalls(
    tenant: Tenant, leader: OperatorProcess, trifocal: Plugin
) -> None:
    tenant.deploy()
    assert tenant.eventually(tenant.has_settled), leader.log()
    done = trifocal("status digits -w --timeout 1s -o json")
    assert done.returncode == 2, done.stderr
    assert json.loads(done.stdout)["progress"] == "waiting"
    tenant.run("delete", "pvc", "models", "--wait=false")
    tenant.run("patch", "pvc", "models", "--type=merge", "-p", '{"metadata":{"finalizers":null}}')
    tenant.deploy("other")
    assert tenant.eventually(lambda: tenant.reports("Ready", "ClaimMissing", "other"))
    done = trifocal("status other -w --timeout 90s")
    assert done.returncode == 1, done.stderr
    assert "waits for you" in done.stdout
    done = trifocal("explain other")
    assert done.returncode == 1
    assert "Trifocal looks every 10s and goes on when it is there" in done.stdout
