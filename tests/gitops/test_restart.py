"""What tools do to the children by hand, and the operator has no opinion about."""

import pytest

from tests.faults.controllers import Controllers
from tests.support.tenant import Tenant

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]


def test_a_restart_of_the_pods_is_not_undone(tenant: Tenant, cluster: Controllers) -> None:
    """`kubectl rollout restart`, like Argo CD's action, annotates the pods' template."""
    del cluster
    tenant.deploy()
    assert tenant.eventually(lambda: tenant.reports("Ready", "Ready"))
    (deployment,) = tenant.get("deployment")
    tenant.run("rollout", "restart", "deployment", deployment["metadata"]["name"])
    tenant.run("scale", "mdep", "digits", "--replicas=2")
    assert tenant.eventually(lambda: tenant.get("deployment")[0]["spec"]["replicas"] == 2)
    template = tenant.get("deployment")[0]["spec"]["template"]
    assert "kubectl.kubernetes.io/restartedAt" in template["metadata"]["annotations"]
