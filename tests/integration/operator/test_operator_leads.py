"""Two operators: one writes, the other is ready to; and whoever may not write does not."""

import json
import signal
import time
from pathlib import Path

import pytest

from hack.cluster.polling import becomes_true
from tests.support.control_plane import ControlPlane
from tests.support.fault_proxy import Fault, FaultProxy
from tests.support.operator_process import OperatorProcess, operator
from tests.support.tenant import Tenant

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

LEASE_SECONDS = 15
MARGIN_SECONDS = 10
"""For a busy machine; `python -m benchmarks.failover` measures."""
NOT_LEADING = "not leading any more"
"""What an operator logs when it becomes a standby."""


def is_standing_by(process: OperatorProcess) -> bool:
    return (process.probe("/healthz"), process.probe("/readyz"), process.leads()) == (
        200,
        200,
        False,
    )


def test_a_standby_is_healthy_and_ready_and_takes_over_from_a_killed_leader(
    plane: ControlPlane, tenant: Tenant
) -> None:
    with operator(plane.kubeconfig, "a") as first:
        first.wait_until_leading()
        with operator(plane.kubeconfig, "b") as second:
            assert becomes_true(lambda: is_standing_by(second), 60), second.log()
            tenant.deploy()
            assert tenant.eventually(tenant.has_settled), first.log()
            # Its queue fills and nobody works on it, which is no reason for an alert.
            assert becomes_true(lambda: second.metrics()["trifocal_queue_depth"] > 0, 30)
            assert second.metrics()["trifocal_queue_oldest_seconds"] == 0
            first.kill()
            killed = time.monotonic()
            assert becomes_true(second.leads, LEASE_SECONDS + MARGIN_SECONDS), second.log()
            assert time.monotonic() - killed > 1
            tenant.run("delete", "service", "digits")
            assert tenant.eventually(tenant.has_settled), second.log()
            second.terminate()


def test_a_leader_that_is_told_to_stop_hands_over_at_once(plane: ControlPlane) -> None:
    with operator(plane.kubeconfig, "a") as first:
        first.wait_until_leading()
        with operator(plane.kubeconfig, "b") as second:
            assert becomes_true(lambda: is_standing_by(second), 60), second.log()
            first.signal(signal.SIGTERM)
            # Much less than the lease's 15 s: it was given back.
            assert becomes_true(second.leads, 6), second.log()
            assert first.process.wait(timeout=10) == 0
            second.terminate()


def test_a_leader_that_was_frozen_with_writes_under_way_makes_none_of_them(
    plane: ControlPlane, tenant: Tenant, tmp_path: Path
) -> None:
    """One request a second: when it is frozen, most of its writes wait for their turn."""
    user, kubeconfig = user_of_its_own(plane, tmp_path)
    with operator(kubeconfig, "a", kube_qps="1", kube_burst="20") as first:
        first.wait_until_leading()
        with operator(plane.kubeconfig, "b") as second:
            assert becomes_true(lambda: is_standing_by(second), 60), second.log()
            tenant.deploy("digits", "pages", "signs")
            assert becomes_true(lambda: wrote(plane, user), 30), first.log()
            first.signal(signal.SIGSTOP)
            assert becomes_true(second.leads, LEASE_SECONDS + MARGIN_SECONDS), second.log()
            since = plane.audit_position()
            first.signal(signal.SIGCONT)
            assert becomes_true(lambda: NOT_LEADING in first.log(), 20), first.log()
            assert tenant.eventually(
                lambda: all(
                    tenant.reports("Optimized", "Optimizing", name)
                    for name in ("digits", "pages", "signs")
                ),
                60,
            ), second.log()
            assert not wrote(plane, user, since)
            assert is_standing_by(first)
            second.terminate()


def user_of_its_own(plane: ControlPlane, folder: Path) -> tuple[str, Path]:
    """An administrator whom the audit log tells from the tests' own, and a kubeconfig."""
    name = "first-operator"
    plane.kubectl("create", "serviceaccount", name, "-n", "default")
    plane.kubectl(
        *("create", "clusterrolebinding", name, "--clusterrole=cluster-admin"),
        f"--serviceaccount=default:{name}",
    )
    token = plane.must("create", "token", name, "-n", "default").strip()
    path = folder / "kubeconfig"
    path.write_text(json.dumps(plane.kubeconfig_for(token)))
    return f"system:serviceaccount:default:{name}", path


def wrote(plane: ControlPlane, user: str, since: int = 0) -> bool:
    return any(write.user == user for write in plane.audit_writes(since))


def test_a_leader_that_loses_the_api_server_stops_leading_before_its_lease_ends(
    proxy: FaultProxy, tmp_path: Path
) -> None:
    with operator(proxy.kubeconfig(tmp_path), "a") as leader:
        leader.wait_until_leading()
        proxy.rule = lambda _method, _path: Fault(status=503)
        assert becomes_true(lambda: NOT_LEADING in leader.log(), LEASE_SECONDS), leader.log()
        assert not leader.leads()
        assert leader.probe("/healthz") == 200
        proxy.rule = lambda _method, _path: None
        # Its own name is still on the lease: nobody else has to be waited for.
        assert becomes_true(leader.leads, MARGIN_SECONDS), leader.log()
        leader.terminate()
