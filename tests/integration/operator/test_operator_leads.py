"""Two operators: one writes, the other is ready to; and a process that may not write ends."""

import signal
import time
from pathlib import Path

import pytest

from hack.cluster.polling import becomes_true
from tests.support.control_plane import ControlPlane
from tests.support.fault_proxy import Fault, FaultProxy
from tests.support.operator_process import OperatorProcess, operator
from tests.support.tenant import FIRST_CHILDREN, Tenant

pytestmark = pytest.mark.integration

LEASE_SECONDS = 15
MARGIN_SECONDS = 10


def has_settled(tenant: Tenant) -> bool:
    return tenant.children() == FIRST_CHILDREN and tenant.reports("Optimized", "Optimizing")


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
            assert becomes_true(lambda: is_standing_by(second), 30), second.log()
            tenant.deploy()
            assert tenant.eventually(lambda: has_settled(tenant)), first.log()
            first.kill()
            killed = time.monotonic()
            assert becomes_true(second.leads, LEASE_SECONDS + MARGIN_SECONDS), second.log()
            assert time.monotonic() - killed > 1
            tenant.run("delete", "service", "digits")
            assert tenant.eventually(lambda: has_settled(tenant)), second.log()
            second.terminate()


def test_a_leader_that_is_told_to_stop_hands_over_at_once(plane: ControlPlane) -> None:
    with operator(plane.kubeconfig, "a") as first:
        first.wait_until_leading()
        with operator(plane.kubeconfig, "b") as second:
            assert becomes_true(lambda: is_standing_by(second), 30), second.log()
            started = time.monotonic()
            assert first.terminate() == 0
            assert time.monotonic() - started < 3
            # Much less than the lease's 15 s: it was given back.
            assert becomes_true(second.leads, 6), second.log()
            second.terminate()


def test_a_leader_that_was_frozen_ends_without_a_write(plane: ControlPlane, tenant: Tenant) -> None:
    with operator(plane.kubeconfig, "a") as first:
        first.wait_until_leading()
        tenant.deploy()
        assert tenant.eventually(lambda: has_settled(tenant)), first.log()
        with operator(plane.kubeconfig, "b") as second:
            assert becomes_true(lambda: is_standing_by(second), 30), second.log()
            first.signal(signal.SIGSTOP)
            assert becomes_true(second.leads, LEASE_SECONDS + MARGIN_SECONDS), second.log()
            since = plane.audit_position()
            tenant.run("delete", "service", "digits")
            first.signal(signal.SIGCONT)
            assert first.process.wait(timeout=20) == 1
            assert tenant.eventually(lambda: has_settled(tenant)), second.log()
            made = [
                w
                for w in plane.audit_writes(since)
                if w.resource == "services" and w.verb == "patch"
            ]
            assert len(made) == 1
            second.terminate()


def test_a_leader_that_loses_the_api_server_ends_before_its_lease_does(
    proxy: FaultProxy, tmp_path: Path
) -> None:
    with operator(proxy.kubeconfig(tmp_path), "a") as leader:
        leader.wait_until_leading()
        proxy.rule = lambda _method, _path: Fault(status=503)
        cut = time.monotonic()
        assert leader.process.wait(timeout=LEASE_SECONDS) == 1
        assert time.monotonic() - cut < LEASE_SECONDS
        assert "LeadershipLost" in leader.log()
