"""Helm 4 waits for a ModelDeployment as Flux does: `--wait` reads kstatus."""

import pytest

from tests.faults.controllers import HANGS, REFUSED, SUCCEEDS, Controllers
from tests.gitops.helm import CHART, helm
from tests.support.manifests import digest
from tests.support.tenant import Tenant

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]


def upgrade(tenant: Tenant, *more: str, timeout: str = "10m") -> None:
    arguments = ("upgrade", "--install", "digits", CHART, "-n", tenant.namespace)
    helm(tenant.plane, *arguments, "--wait", f"--timeout={timeout}", *more)


def serves(tenant: Tenant) -> str:
    """The revision that answers; the object says that it is Ready."""
    assert tenant.reports("Ready", "Ready")
    found = tenant.find("mdep", "digits") or {}
    return str(found["status"]["revision"]["serving"])


def test_an_upgrade_returns_when_the_model_answers_and_fails_when_it_cannot(
    tenant: Tenant, cluster: Controllers
) -> None:
    cluster.outcome = HANGS
    with pytest.raises(AssertionError, match="status: InProgress"):
        upgrade(tenant, timeout="5s")
    cluster.outcome = SUCCEEDS
    upgrade(tenant)
    first = serves(tenant)
    cluster.outcome = REFUSED
    with pytest.raises(AssertionError, match="status: Failed"):
        upgrade(tenant, f"--set=digest={digest('d')}")
    helm(tenant.plane, "rollback", "digits", "2", "-n", tenant.namespace, "--wait")
    assert serves(tenant) == first
