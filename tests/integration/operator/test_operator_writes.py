"""What the operator writes, counted by the API server's audit log."""

import json
from collections import Counter
from collections.abc import Iterator

import pytest

from tests.support.audit import AuditedRequest
from tests.support.control_plane import ControlPlane
from tests.support.operator_process import OperatorProcess, operator
from tests.support.tenant import MANAGED, OWNED, Tenant

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module", name="leader")
def _leader(plane: ControlPlane) -> Iterator[OperatorProcess]:
    with operator(plane.kubeconfig) as running:
        yield running.wait_until_leading()


def writes_in(tenant: Tenant, since: int) -> list[AuditedRequest]:
    """The operator's writes in the tenant's namespace; kubectl's left out."""
    return [
        w
        for w in tenant.plane.audit_writes(since)
        if w.namespace == tenant.namespace and "kubectl" not in w.user_agent
    ]


def test_a_new_modeldeployment_costs_one_apply_per_child_and_two_status_writes(
    tenant: Tenant, leader: OperatorProcess
) -> None:
    since = tenant.plane.audit_position()
    tenant.deploy()
    assert tenant.eventually(tenant.has_settled), leader.log()
    written = Counter((w.resource, w.subresource) for w in writes_in(tenant, since))
    assert written.pop(("modeldeployments", "status")) <= 2
    written.pop(("events", ""), None)
    assert written == {
        ("configmaps", ""): 1,
        ("jobs", ""): 1,
        ("networkpolicies", ""): 2,
        ("poddisruptionbudgets", ""): 1,
        ("services", ""): 1,
    }


def test_every_write_is_a_server_side_apply_by_trifocal(
    tenant: Tenant, leader: OperatorProcess
) -> None:
    since = tenant.plane.audit_position()
    tenant.deploy()
    assert tenant.eventually(tenant.has_settled), leader.log()
    written = writes_in(tenant, since)
    assert {(w.verb, w.field_manager) for w in written} == {("patch", "trifocal")}
    assert all(w.code < 400 for w in written)


def test_kopf_leaves_no_trace_on_the_users_object(tenant: Tenant, leader: OperatorProcess) -> None:
    tenant.deploy()
    assert tenant.eventually(tenant.has_settled), leader.log()
    (found,) = tenant.get("mdep")
    assert "annotations" not in found["metadata"]
    assert "finalizers" not in found["metadata"]


def test_a_pass_with_nothing_to_do_writes_nothing(tenant: Tenant, leader: OperatorProcess) -> None:
    tenant.deploy()
    assert tenant.eventually(tenant.has_settled), leader.log()
    passes = passed(leader)
    since = tenant.plane.audit_position()
    for number in range(5):
        tenant.run("annotate", "mdep", "digits", f"example.com/touch={number}", "--overwrite")
    assert tenant.eventually(lambda: passed(leader) >= passes + 5), leader.log()
    assert writes_in(tenant, since) == []


def passed(leader: OperatorProcess) -> float:
    return leader.metrics().get('trifocal_reconcile_seconds_count{outcome="ok"}', 0.0)


def test_every_child_is_owned_so_that_deletion_leaves_nothing_behind(
    tenant: Tenant, leader: OperatorProcess
) -> None:
    tenant.deploy()
    assert tenant.eventually(tenant.has_settled), leader.log()
    (found,) = tenant.get("mdep")
    for child in tenant.get(OWNED, "-l", MANAGED):
        (owner,) = child["metadata"]["ownerReferences"]
        assert owner["uid"] == found["metadata"]["uid"]
        assert owner["controller"] is True


def test_nothing_is_written_while_the_object_is_being_deleted(
    tenant: Tenant, leader: OperatorProcess
) -> None:
    tenant.deploy()
    assert tenant.eventually(tenant.has_settled), leader.log()
    # No garbage collector runs here, so a foreground deletion never ends.
    tenant.run("delete", "mdep", "digits", "--cascade=foreground", "--wait=false")
    since = tenant.plane.audit_position()
    passes = passed(leader)
    tenant.run("delete", "service", "digits")
    assert tenant.eventually(lambda: passed(leader) > passes), leader.log()
    assert writes_in(tenant, since) == []
    tenant.run("patch", "mdep", "digits", "--type=merge", "-p", '{"metadata":{"finalizers":null}}')


def test_a_child_that_is_deleted_or_changed_is_repaired(
    tenant: Tenant, leader: OperatorProcess
) -> None:
    tenant.deploy()
    assert tenant.eventually(tenant.has_settled), leader.log()
    tenant.run("delete", "service", "digits")
    assert tenant.eventually(lambda: tenant.find("service", "digits") is not None), leader.log()
    drift = json.dumps({"spec": {"maxUnavailable": "100%"}})
    tenant.run("patch", "pdb", "digits", "--type=merge", "-p", drift)

    def is_repaired() -> bool:
        found = tenant.find("pdb", "digits")
        return found is not None and found["spec"]["maxUnavailable"] == 1

    assert tenant.eventually(is_repaired), leader.log()


def test_anothers_object_with_a_childs_name_is_never_taken_over(
    tenant: Tenant, leader: OperatorProcess
) -> None:
    foreign = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "digits"},
        "spec": {"selector": {"app": "theirs"}, "ports": [{"port": 80}]},
    }
    tenant.create(foreign)
    tenant.deploy()
    assert tenant.eventually(lambda: tenant.reports("Available", "NameTaken")), leader.log()
    found = tenant.find("service", "digits")
    assert found is not None
    assert found["spec"]["selector"] == {"app": "theirs"}
    tenant.run("delete", "service", "digits")
    assert tenant.eventually(tenant.has_settled), leader.log()


def test_children_orphaned_by_their_deleted_owner_are_adopted_by_its_successor(
    tenant: Tenant, leader: OperatorProcess
) -> None:
    tenant.deploy()
    assert tenant.eventually(tenant.has_settled), leader.log()
    tenant.run("delete", "mdep", "digits")
    for child in tenant.get(OWNED, "-l", MANAGED):  # what the garbage collector does for orphans
        patch = '{"metadata":{"ownerReferences":null}}'
        name = child["metadata"]["name"]
        tenant.run("patch", child["kind"], name, "--type=merge", "-p", patch)
    jobs = {job["metadata"]["uid"] for job in tenant.get("job")}
    tenant.deploy()
    assert tenant.eventually(tenant.has_settled), leader.log()
    assert {job["metadata"]["uid"] for job in tenant.get("job")} == jobs


def test_an_event_tells_of_a_transition_once(tenant: Tenant, leader: OperatorProcess) -> None:
    tenant.create(
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "digits"},
            "spec": {"ports": [{"port": 80}]},
        }
    )
    tenant.deploy()
    assert tenant.eventually(lambda: events_of(tenant, "NameTaken") == 1), leader.log()
    tenant.run("annotate", "mdep", "digits", "example.com/touch=1")
    assert tenant.eventually(lambda: tenant.reports("Available", "NameTaken"))
    assert events_of(tenant, "NameTaken") == 1


def events_of(tenant: Tenant, reason: str) -> int:
    return sum(e["reason"] == reason for e in tenant.get("events"))


def test_every_log_line_is_json_and_no_pass_failed_unexpectedly(leader: OperatorProcess) -> None:
    unexpected = [r for r in leader.records() if r["event"] == "pass failed unexpectedly"]
    assert unexpected == []
