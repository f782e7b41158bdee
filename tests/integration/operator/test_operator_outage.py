"""The API server is away for longer than the lease: nobody ends, and all goes on by itself."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from hack.cluster.polling import becomes_true
from tests.support.control_plane import ControlPlane
from tests.support.fault_proxy import FaultProxy
from tests.support.operator_process import OperatorProcess, operator
from tests.support.tenant import Tenant

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

OUTAGE_SECONDS = 20
"""Longer than the lease's 15 s; `python -m benchmarks.failover` makes it 5 minutes."""
RETURN_SECONDS = 30
"""10 s on an idle machine, which the benchmark measures."""


def ends_within(seconds: float, *processes: OperatorProcess) -> bool:
    return becomes_true(lambda: any(p.process.poll() is not None for p in processes), seconds)


def test_leader_and_standby_outlive_an_outage_and_go_on(
    plane: ControlPlane, tenant: Tenant
) -> None:
    with operator(plane.kubeconfig, "a") as first:
        first.wait_until_leading()
        tenant.deploy()
        assert tenant.eventually(tenant.has_settled), first.log()
        with operator(plane.kubeconfig, "b") as second:
            assert becomes_true(lambda: second.probe("/readyz") == 200, 60), second.log()
            with plane.without_api_server():
                assert not ends_within(OUTAGE_SECONDS, first, second), first.log() + second.log()
                assert [p.probe("/healthz") for p in (first, second)] == [200, 200]
                assert [p.leads() for p in (first, second)] == [False, False]
            tenant.run("delete", "service", "digits")
            assert tenant.eventually(tenant.has_settled, RETURN_SECONDS), first.log() + second.log()
            assert sorted(p.leads() for p in (first, second)) == [False, True]
            assert not ends_within(0, first, second)
            assert len(tenant.get("job")) == 1


def test_an_operator_that_starts_before_the_api_server_waits_for_it(
    plane: ControlPlane, tenant: Tenant
) -> None:
    tenant.deploy()
    plane.stop_api_server()
    with operator(plane.kubeconfig, "early") as early:
        try:
            assert becomes_true(lambda: "could not list" in early.log(), 60), early.log()
            assert (early.probe("/healthz"), early.probe("/readyz")) == (200, 503)
            assert not ends_within(5, early), early.log()
        finally:
            plane.start_api_server()
        assert tenant.eventually(tenant.has_settled, RETURN_SECONDS), early.log()
        assert early.process.poll() is None


ETCD_WITHOUT_A_LEADER = {
    "type": "ERROR",
    "object": {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": "etcdserver: no leader",
        "code": 500,
    },
}
"""As kube-apiserver ends a watch when etcd fails under it; kopf takes all but 410 for final."""


@pytest.mark.parametrize(
    "last_words",
    [json.dumps(ETCD_WITHOUT_A_LEADER).encode() + b"\n", b'{"type": "MODIF\n'],
    ids=["an error that is no 410", "half a line"],
)
def test_what_ends_kopf_does_not_end_the_operator(
    tenant: Tenant, proxy: FaultProxy, tmp_path: Path, last_words: bytes
) -> None:
    with operator(proxy.kubeconfig(tmp_path)) as leader:
        leader.wait_until_leading()
        proxy.end_watches("modeldeployments", last_words)
        assert becomes_true(lambda: "the watches ended" in leader.log(), 30), leader.log()
        tenant.deploy()
        assert tenant.eventually(tenant.has_settled, RETURN_SECONDS), leader.log()
        assert (leader.leads(), leader.probe("/healthz")) == (True, 200)
        leader.terminate()


def test_a_server_that_vanishes_without_a_word_is_noticed_by_a_silent_watch() -> None:
    """Ten seconds of silence, and then three probes, 5 s apart: TCP's keep-alive."""
    if in_a_network_of_its_own("ip", "link").returncode:
        pytest.skip("this machine lets nobody have a network of their own")
    program = (sys.executable, "-m", "tests.integration.operator.vanished_server")
    done = in_a_network_of_its_own(*program)
    assert 10 < float(done.stdout) < 40


def in_a_network_of_its_own(*command: str) -> "subprocess.CompletedProcess[str]":
    alone = ("unshare", "--user", "--map-root-user", "--net", *command)
    return subprocess.run(  # noqa: S603 - the test's own words
        alone, check=False, capture_output=True, text=True, timeout=120
    )
