"""`kubectl trifocal rollout undo` against a real API server and operator."""

import json
from typing import Any

import pytest

from tests.integration.cli.conftest import Plugin
from tests.integration.cli.made import deploy_optimized, serving, start_pod, wanted
from tests.support.operator_process import OperatorProcess
from tests.support.tenant import Tenant
from trifocal.cli.rollout.undoing import kept_specs, undo_patch
from trifocal.cli.seen import must_see
from trifocal.cli.session import Reach, opened
from trifocal.kube.errors import Refused

pytestmark = pytest.mark.integration


def edit(tenant: Tenant, spec: dict[str, Any]) -> None:
    tenant.run("patch", "mdep", "digits", "--type=merge", "-p", json.dumps({"spec": spec}))


def serve(tenant: Tenant, leader: OperatorProcess) -> str:
    """A pod of the wanted revision becomes ready, and the traffic goes there."""
    before = serving(tenant)
    assert tenant.eventually(lambda: wanted(tenant) not in {None, before}), leader.log()
    revision = wanted(tenant)
    assert revision is not None
    made = f"digits-{revision}"
    assert tenant.eventually(lambda: tenant.find("deployment", made)), leader.log()
    start_pod(tenant, revision)
    assert tenant.eventually(lambda: serving(tenant) == revision), leader.log()
    return revision


@pytest.mark.timeout(300)
def test_it_goes_back_and_an_earlier_release_is_told(
    tenant: Tenant, leader: OperatorProcess, trifocal: Plugin
) -> None:
    deploy_optimized(tenant)
    first = serve(tenant, leader)
    none = trifocal("rollout undo digits")
    assert none.returncode == 3
    assert f"No spec that served before revision {first} is kept" in none.stderr
    edit(tenant, {"serving": {"resources": {"limits": {"memory": "2Gi"}}}, "replicas": 1})
    second = serve(tenant, leader)

    past = json.loads(trifocal("rollout history digits -o json").stdout)
    marks = {s["revision"]: (s["has_traffic"], s["is_previous"]) for s in past["specs"]}
    assert marks == {second: (True, False), first: (False, True)}
    (before,) = tenant.get("mdep")
    tried = json.loads(trifocal("rollout undo digits --dry-run -o json").stdout)
    assert tenant.get("mdep") == [before]
    assert (tried["revision"], tried["written"]) == (first, False)
    assert tried["changes"] == ['serving.resources.limits: {"memory": "2Gi"} -> unset']
    assert tried["prospect"]["changes"][0]["effect"] == "new pods"

    done = trifocal("rollout undo digits")
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith(f"digits goes back to the spec of revision {first}\n")
    assert done.stderr == ""
    (live,) = tenant.get("mdep", "--show-managed-fields")
    assert "limits" not in live["spec"]["serving"].get("resources", {})
    assert live["spec"]["replicas"] == 1
    assert tenant.eventually(lambda: serving(tenant) == first), leader.log()

    again = trifocal(f"rollout undo digits --to-revision {first}")
    assert (again.returncode, again.stdout) == (
        0,
        f"digits has the spec of revision {first} already\n",
    )
    service = json.dumps({"metadata": {"annotations": {"trifocal.dev/served-specs": None}}})
    tenant.run("patch", "service", "digits", "--type=merge", "-p", service)
    older = trifocal(f"rollout undo digits --to-revision {second}")
    assert older.returncode == 3
    assert f"no spec is kept for revision {second}; kept: none" in older.stderr


@pytest.mark.timeout(300)
def test_git_will_put_it_back_and_that_is_said(
    tenant: Tenant, leader: OperatorProcess, trifocal: Plugin
) -> None:
    deploy_optimized(tenant)
    first = serve(tenant, leader)
    (live,) = tenant.get("mdep")
    said = {key: live[key] for key in ("apiVersion", "kind")}
    memory = {"serving": {"resources": {"limits": {"memory": "2Gi"}}}}
    marked = {"name": "digits", "labels": {"kustomize.toolkit.fluxcd.io/name": "models"}}
    flux = ("apply", "--server-side", "--field-manager=kustomize-controller", "-f", "-")
    tenant.run(*flux, stdin=json.dumps({**said, "metadata": marked, "spec": memory}))
    serve(tenant, leader)
    done = trifocal("rollout undo digits -o json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["revision"], told["written"]) == (first, True)
    assert told["warnings"] == [
        f"{owner} applies its spec and will set it back; change it where {owner} has it from."
        for owner in ("kustomize-controller", "Flux (kustomize-controller)")
    ]


@pytest.mark.timeout(300)
async def test_what_somebody_else_wrote_meanwhile_is_not_overwritten(
    tenant: Tenant, leader: OperatorProcess
) -> None:
    deploy_optimized(tenant)
    serve(tenant, leader)
    reach = Reach(namespace=tenant.namespace, kubeconfig=str(tenant.plane.kubeconfig))
    async with opened(reach) as kube:
        seen = await must_see(kube, tenant.namespace, "digits")
        edit(tenant, {"replicas": 3})
        with pytest.raises(Refused) as refused:
            await kube.merge(seen.body, undo_patch(seen.body, kept_specs(seen)[0]))
    assert refused.value.is_conflict
    (live,) = tenant.get("mdep")
    assert live["spec"]["replicas"] == 3
