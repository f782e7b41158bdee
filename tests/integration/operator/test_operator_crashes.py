"""A crash between any two writes is repaired by the next process, and nothing is made twice."""

from collections import Counter
from pathlib import Path

import pytest

from tests.support.control_plane import ControlPlane
from tests.support.fault_proxy import Fault, FaultProxy, is_write
from tests.support.operator_process import OperatorProcess, operator
from tests.support.tenant import FIRST_CHILDREN, Tenant

pytestmark = pytest.mark.integration

WRITES_OF_A_FIRST_PASS = 7  # six children, one status


class KillAtWrite:
    """Kills the operator at its n-th write, before or after the API server has done it."""

    def __init__(self, number: int, *, after: bool) -> None:
        self.left = number
        self.after = after
        self.victim: OperatorProcess | None = None

    def __call__(self, method: str, path: str) -> Fault | None:
        if not is_write(method, path):
            return None
        self.left -= 1
        if self.left != 0:
            return None
        return Fault(after=self._kill) if self.after else Fault(before=self._kill)

    def _kill(self) -> None:
        assert self.victim is not None
        self.victim.kill()


@pytest.mark.parametrize(
    ("number", "after"),
    # Killed before write n + 1 leaves what killed after write n leaves, and less to repair: there,
    # the API server has done what the operator never learnt.
    [(1, False), *((number, True) for number in range(1, WRITES_OF_A_FIRST_PASS + 1))],
)
def test_killed_at_a_write_of_the_first_pass(
    tenant: Tenant, proxy: FaultProxy, tmp_path: Path, number: int, after: bool
) -> None:
    kill = KillAtWrite(number, after=after)
    kubeconfig = proxy.kubeconfig(tmp_path)
    since = tenant.plane.audit_position()
    proxy.rule = kill
    tenant.deploy()
    with operator(kubeconfig) as first:
        kill.victim = first
        assert first.process.wait(timeout=60) != 0
    # The same pod, started again by kubelet: the lease is its own.
    with operator(kubeconfig) as second:
        assert tenant.eventually(tenant.has_settled), second.log()
    made = Counter(
        (w.resource, w.name)
        for w in tenant.plane.audit_writes(since)
        if w.namespace == tenant.namespace and w.verb == "patch" and w.code == 201
    )
    assert tenant.children() == FIRST_CHILDREN
    assert len(tenant.get("job")) == 1
    assert {count for (resource, _), count in made.items() if resource != "events"} == {1}


@pytest.mark.timeout(400)
def test_restart_with_200_objects_writes_nothing(plane: ControlPlane, tenant: Tenant) -> None:
    names = [f"digits-{number}" for number in range(200)]
    # Not the client's rate limit is under test here: 200 objects at 50 writes a second take 40 s.
    with operator(plane.kubeconfig, kube_qps="1000", kube_burst="1000") as first:
        first.wait_until_leading()
        tenant.deploy(*names)
        assert tenant.eventually(lambda: all_report(tenant, len(names)), 240), first.log()[-4000:]
        assert first.terminate() == 0
    since = plane.audit_position()
    with operator(plane.kubeconfig) as second:
        second.wait_until_leading()
        passes = 'trifocal_reconcile_seconds_count{outcome="ok"}'
        assert tenant.eventually(lambda: second.metrics().get(passes, 0) >= 2 * len(names), 120)
        assert tenant.eventually(lambda: second.metrics()["trifocal_queue_depth"] == 0)
        second.terminate()
        unexpected = [r for r in second.records() if r["level"] in {"error", "critical"}]
    assert [w for w in plane.audit_writes(since) if "kubectl" not in w.user_agent] == []
    assert unexpected == []


def all_report(tenant: Tenant, expected: int) -> bool:
    found = tenant.get("mdep")
    return [m["status"]["observedGeneration"] for m in found] == [1] * expected
