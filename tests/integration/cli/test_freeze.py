"""`kubectl trifocal freeze` against a real API server and operator."""

import pytest
import yaml

from tests.integration.cli.conftest import Plugin
from tests.integration.cli.made import deploy_optimized, has_revision
from tests.support.operator_process import OperatorProcess
from tests.support.tenant import OWNED, Tenant

pytestmark = pytest.mark.integration


def test_applying_what_it_prints_makes_no_child_again(
    tenant: Tenant, leader: OperatorProcess, trifocal: Plugin
) -> None:
    deploy_optimized(tenant)
    assert tenant.eventually(lambda: has_revision(tenant)), leader.log()
    done = trifocal("freeze digits")
    assert done.returncode == 0, done.stderr
    manifest = yaml.safe_load(done.stdout)
    assert "precisions" in manifest["spec"]["optimization"]
    assert "image" in manifest["spec"]["serving"]["triton"]
    before = {o["metadata"]["uid"]: o["metadata"] for o in tenant.get(OWNED)}
    tenant.run("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=done.stdout)
    assert tenant.eventually(lambda: has_looked(tenant)), leader.log()
    after = {o["metadata"]["uid"]: o["metadata"] for o in tenant.get(OWNED)}
    assert {u: m["resourceVersion"] for u, m in after.items()} == {
        u: m["resourceVersion"] for u, m in before.items()
    }
    again = trifocal("freeze digits")
    assert yaml.safe_load(again.stdout) == manifest


def has_looked(tenant: Tenant) -> bool:
    (found,) = tenant.get("mdep")
    is_pinned = "image" in (found["spec"]["serving"].get("triton") or {})
    seen: int = found["status"]["observedGeneration"]
    return is_pinned and seen == found["metadata"]["generation"]
