"""What an API server in trouble costs: time, and nothing else."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hack.cluster.polling import becomes_true
from tests.support.control_plane import ControlPlane
from tests.support.fault_proxy import Fault, FaultProxy, Rule, is_write
from tests.support.operator_process import operator
from tests.support.tenant import Tenant

pytestmark = pytest.mark.integration


def except_leases(fault: Fault) -> Rule:
    """The fault for everything but the lease, which would end the leader."""
    return lambda _method, path: None if "/leases" in path else fault


@pytest.mark.parametrize("status", [401, 403, 429, 500, 503])
def test_the_leader_outlives_errors_of_every_request(
    tenant: Tenant, proxy: FaultProxy, tmp_path: Path, status: int
) -> None:
    with operator(proxy.kubeconfig(tmp_path)) as leader:
        leader.wait_until_leading()
        proxy.rule = except_leases(Fault(status=status))
        tenant.deploy()
        time.sleep(8)  # long enough for passes and watches to fail several times
        assert leader.process.poll() is None, leader.log()
        assert leader.probe("/healthz") == 200
        proxy.rule = lambda _method, _path: None
        assert tenant.eventually(tenant.has_settled, 60), leader.log()
        leader.terminate()


def test_a_pass_that_meets_an_error_at_any_write_is_made_again(
    tenant: Tenant, proxy: FaultProxy, tmp_path: Path
) -> None:
    counted = iter(range(10_000))

    def every_other_write(method: str, path: str) -> Fault | None:
        fails = is_write(method, path) and next(counted) % 2 == 0
        return Fault(status=500) if fails else None

    with operator(proxy.kubeconfig(tmp_path)) as leader:
        leader.wait_until_leading()
        proxy.rule = every_other_write
        tenant.deploy()
        assert tenant.eventually(tenant.has_settled, 90), leader.log()
        assert len(tenant.get("job")) == 1
        leader.terminate()


def test_retry_after_is_obeyed(tenant: Tenant, proxy: FaultProxy, tmp_path: Path) -> None:
    refused: list[float] = []

    def once_for(method: str, path: str) -> Fault | None:
        if not is_write(method, path):
            return None
        refused.append(time.monotonic())
        return Fault(status=429, headers={"Retry-After": "5"}) if len(refused) == 1 else None

    with operator(proxy.kubeconfig(tmp_path)) as leader:
        leader.wait_until_leading()
        proxy.rule = once_for
        tenant.deploy()
        assert tenant.eventually(tenant.has_settled), leader.log()
        assert refused[1] - refused[0] >= 5
        leader.terminate()


def test_wrong_credentials_for_a_while_cost_few_logins(
    tenant: Tenant, proxy: FaultProxy, tmp_path: Path
) -> None:
    requests: list[str] = []

    def refuse(_method: str, path: str) -> Fault | None:
        if "/leases" in path:
            return None
        requests.append(path)
        return Fault(status=401)

    with operator(proxy.kubeconfig(tmp_path)) as leader:
        leader.wait_until_leading()
        proxy.rule = refuse
        # A closed watch makes kopf ask again, and so meet the refusal.
        time.sleep(12)
        proxy.rule = lambda _method, _path: None
        tenant.deploy()
        assert tenant.eventually(tenant.has_settled, 60), leader.log()
        # kopf alone made 3430 logins in 12 s, each with a list of every kind.
        assert len(requests) < 200
        leader.terminate()


def test_what_vanished_while_a_standby_was_cut_off_leaves_its_cache(
    plane: ControlPlane, tenant: Tenant, proxy: FaultProxy, tmp_path: Path
) -> None:
    with operator(plane.kubeconfig, "a") as leader:
        leader.wait_until_leading()
        tenant.deploy("digits", "doomed")
        assert tenant.eventually(
            lambda: (
                tenant.reports("Optimized", "Optimizing")
                and tenant.reports("Optimized", "Optimizing", "doomed")
            )
        ), leader.log()
        leader.terminate()
    with lease_held_by_another(plane), operator(proxy.kubeconfig(tmp_path), "b") as standby:
        assert becomes_true(lambda: standby.probe("/readyz") == 200, 30), standby.log()
        proxy.rule = lambda _method, _path: Fault(status=503)
        proxy.cut()
        tenant.run("delete", "service", "digits")
        tenant.run("delete", "mdep", "doomed")
        # A new API server has no history to resume a watch from: kopf lists again, and tells
        # nobody of what is not in the list.
        with plane.without_api_server():
            pass
        proxy.rule = lambda _method, _path: None
        assert becomes_true(lambda: "the watch had missed changes" in standby.log(), 90), (
            standby.log()
        )
        since = plane.audit_position()
        plane.must("delete", "lease", "trifocal-operator", "-n", "default")
        assert becomes_true(standby.leads, 30), standby.log()
        assert tenant.eventually(lambda: tenant.find("service", "digits") is not None), (
            standby.log()
        )
        touched = [w for w in plane.audit_writes(since) if w.name.startswith("doomed")]
        assert touched == []
        standby.terminate()


@contextmanager
def lease_held_by_another(plane: ControlPlane) -> Iterator[None]:
    lease = {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": "trifocal-operator", "namespace": "default"},
        "spec": {"holderIdentity": "someone-else", "leaseDurationSeconds": 3600},
    }
    plane.must("apply", "-f", "-", "--server-side", "--force-conflicts", stdin=json.dumps(lease))
    try:
        yield
    finally:
        plane.kubectl("delete", "lease", "trifocal-operator", "-n", "default")


def test_a_role_that_is_taken_away_for_a_while_ends_nothing(
    plane: ControlPlane, tenant: Tenant, tmp_path: Path
) -> None:
    token = service_account_token(plane)
    grant(plane, "trifocal-leases", '["coordination.k8s.io"]', '["leases"]')
    grant(plane, "trifocal-rest", '["*"]', '["*"]')
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(json.dumps(plane.kubeconfig_for(token)))
    with operator(kubeconfig) as leader:
        leader.wait_until_leading()
        plane.must("delete", "clusterrolebinding", "trifocal-rest")
        tenant.deploy()
        time.sleep(10)
        assert leader.process.poll() is None, leader.log()
        grant(plane, "trifocal-rest", '["*"]', '["*"]')
        assert tenant.eventually(tenant.has_settled, 60), leader.log()
        leader.terminate()


def service_account_token(plane: ControlPlane) -> str:
    plane.kubectl("create", "serviceaccount", "trifocal", "-n", "default")
    return plane.must("create", "token", "trifocal", "-n", "default").strip()


def grant(plane: ControlPlane, name: str, groups: str, resources: str) -> None:
    role = (
        '{"apiVersion":"rbac.authorization.k8s.io/v1","kind":"ClusterRole",'
        f'"metadata":{{"name":"{name}"}},"rules":[{{"apiGroups":{groups},'
        f'"resources":{resources},"verbs":["*"]}}]}}'
    )
    plane.must("apply", "-f", "-", stdin=role)
    bind(plane, name)


def bind(plane: ControlPlane, name: str) -> None:
    plane.kubectl(
        *("create", "clusterrolebinding", name, f"--clusterrole={name}"),
        "--serviceaccount=default:trifocal",
    )


def test_the_operator_waits_for_its_crd(plane: ControlPlane, tenant: Tenant) -> None:
    crd = "modeldeployments.trifocal.dev"
    plane.must("delete", "crd", crd)
    try:
        with operator(plane.kubeconfig) as early:
            assert becomes_true(lambda: "Install the CRDs" in early.log(), 30), early.log()
            assert (early.probe("/healthz"), early.probe("/readyz")) == (200, 503)
            plane.install_crds()
            early.wait_until_leading()
            tenant.deploy()
            assert tenant.eventually(tenant.has_settled), early.log()
            early.terminate()
    finally:
        plane.install_crds()


def test_an_api_server_that_restarts_is_met_again(plane: ControlPlane, tenant: Tenant) -> None:
    with operator(plane.kubeconfig) as process:
        process.wait_until_leading()
        tenant.deploy()
        assert tenant.eventually(tenant.has_settled), process.log()
        with plane.without_api_server():
            pass
        tenant.run("delete", "service", "digits")
        assert tenant.eventually(tenant.has_settled, 60), process.log()
        assert process.process.poll() is None
