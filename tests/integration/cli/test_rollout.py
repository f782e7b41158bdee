"""`kubectl trifocal rollout` against a real API server and operator."""

import json

import pytest

from tests.integration.cli.conftest import Plugin
from tests.integration.cli.made import deploy_optimized, has_revision
from tests.support.manifests import Manifest
from tests.support.operator_process import OperatorProcess
from tests.support.tenant import Tenant

pytestmark = pytest.mark.integration


def test_a_pause_holds_the_work_and_a_resume_goes_on(
    tenant: Tenant, leader: OperatorProcess, trifocal: Plugin
) -> None:
    tenant.deploy()
    assert tenant.eventually(tenant.has_settled), leader.log()
    assert trifocal("rollout pause digits").stdout == "digits paused\n"
    assert tenant.eventually(lambda: tenant.reports("Ready", "Suspended")), leader.log()
    assert trifocal("rollout pause digits").stdout == "digits was paused already\n"
    followed = trifocal("rollout status digits")
    assert followed.returncode == 1
    assert followed.stdout.startswith("stalled (Suspended): ")
    resumed = trifocal("rollout resume digits")
    assert (resumed.stdout, resumed.stderr) == ("digits resumed\n", "")
    assert tenant.eventually(lambda: tenant.reports("Ready", "Optimizing")), leader.log()


def test_a_manager_that_will_set_it_back_is_named(
    tenant: Tenant, leader: OperatorProcess, trifocal: Plugin
) -> None:
    deploy_optimized(tenant)
    (live,) = tenant.get("mdep")
    said = {key: live[key] for key in ("apiVersion", "kind")}
    said |= {"metadata": {"name": "digits"}, "spec": {"suspend": False}}
    flux = ("apply", "--server-side", "--force-conflicts", "--field-manager=kustomize-controller")
    tenant.run(*flux, "-f", "-", stdin=json.dumps(said))
    done = trifocal("rollout pause digits")
    assert done.returncode == 0, leader.log()
    assert "kustomize-controller applies spec.suspend and will set it back" in done.stderr


def test_a_restart_stays_while_the_operator_goes_on_writing(
    tenant: Tenant, leader: OperatorProcess, trifocal: Plugin
) -> None:
    deploy_optimized(tenant)
    assert tenant.eventually(lambda: has_revision(tenant)), leader.log()
    assert trifocal("rollout restart digits").returncode == 3
    give_traffic(tenant)
    assert tenant.eventually(lambda: serves(tenant)), leader.log()
    done = trifocal("rollout restart digits")
    assert done.returncode == 0, done.stderr
    noted = restarted_at(tenant)
    assert noted is not None
    tenant.run("scale", "mdep", "digits", "--replicas=2")
    assert tenant.eventually(lambda: deployment(tenant)["spec"]["replicas"] == 2), leader.log()
    assert restarted_at(tenant) == noted
    past = json.loads(trifocal("rollout history digits -o json").stdout)
    assert [r["role"] for r in past["revisions"]] == ["has the traffic"]
    assert [r["in_force"] for r in past["results"]] == [True]


def give_traffic(tenant: Tenant) -> None:
    """As if a pod had proved itself: the Service points at the revision."""
    (found,) = tenant.get("mdep")
    revision = found["status"]["revision"]["wanted"]
    patch = {"spec": {"selector": {"trifocal.dev/revision": revision}}}
    tenant.run("patch", "service", "digits", "--type=merge", "-p", json.dumps(patch))


def serves(tenant: Tenant) -> bool:
    (found,) = tenant.get("mdep")
    return found["status"]["revision"].get("serving") is not None


def deployment(tenant: Tenant) -> Manifest:
    (found,) = tenant.get("deployments")
    return found


def restarted_at(tenant: Tenant) -> str | None:
    annotations = deployment(tenant)["spec"]["template"]["metadata"]["annotations"]
    found: str | None = annotations.get("kubectl.kubernetes.io/restartedAt")
    return found
