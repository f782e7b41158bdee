"""`kubectl trifocal plan` against a real API server and operator."""

import json
from typing import Any

import pytest

from tests.integration.cli.conftest import Plugin
from tests.integration.cli.made import deploy_optimized, has_revision
from tests.support.manifests import Manifest, changed, minimal
from tests.support.operator_process import OperatorProcess
from tests.support.tenant import Tenant

pytestmark = pytest.mark.integration


def foretold(trifocal: Plugin, body: Manifest) -> dict[str, Any]:
    done = trifocal("plan -f - -o json", stdin=json.dumps(body))
    assert done.returncode == 0, done.stderr
    [told] = json.loads(done.stdout)
    return dict(told)


def changes(told: dict[str, Any]) -> dict[str, str]:
    return {".".join(change["path"]): change["effect"] for change in told["changes"]}


def test_it_foretells_what_an_apply_then_does_and_writes_nothing(
    tenant: Tenant, leader: OperatorProcess, trifocal: Plugin
) -> None:
    body = minimal(namespace=tenant.namespace)
    told = foretold(trifocal, body)
    assert told["is_new"]
    assert tenant.get("mdep") == []
    deploy_optimized(tenant, body)
    assert tenant.eventually(lambda: has_revision(tenant)), leader.log()
    tenant.run("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=json.dumps(body))
    since = tenant.plane.audit_position()
    narrowed = changed(body, "spec.optimization.precisions", ["fp16"])
    narrowed = changed(narrowed, "spec.optimization.job", {"deadlineSeconds": 600})
    told = foretold(trifocal, narrowed)
    assert changes(told) == {
        "optimization.precisions": "another optimization",
        "optimization.job.deadlineSeconds": "no work now",
    }
    mine = [w for w in tenant.plane.audit_writes(since) if w.namespace == tenant.namespace]
    assert [
        w for w in mine if "trifocal" in w.user_agent and w.resource != "modeldeployments"
    ] == []
    (live,) = tenant.get("mdep")
    assert "precisions" not in live["spec"]["optimization"]
    forced = ("apply", "--server-side", "--force-conflicts", "-f", "-")
    tenant.run(*forced, stdin=json.dumps(narrowed))
    [job] = [w["name"] for w in told["next_pass"] if w["kind"] == "Job" and w["verb"] == "creates"]
    assert tenant.eventually(lambda: tenant.find("job", job)), leader.log()


@pytest.mark.parametrize("way", [(), ("--server-side",)], ids=["client", "server"])
def test_a_field_that_the_last_file_had_goes_away(
    tenant: Tenant, leader: OperatorProcess, trifocal: Plugin, way: tuple[str, ...]
) -> None:
    """As `kubectl apply` has it, server-side or not; what `kubectl scale` wrote stays."""
    body = minimal(namespace=tenant.namespace)
    named = changed(body, "spec.serving", {"triton": {"version": "26.05"}})
    tenant.run("apply", *way, "-f", "-", stdin=json.dumps(named))
    assert tenant.eventually(tenant.has_settled), leader.log()
    tenant.run("scale", "mdep", "digits", "--replicas=3")
    assert tenant.eventually(lambda: has_looked(tenant)), leader.log()
    assert changes(foretold(trifocal, body)) == {"serving.triton": "new pods"}


def has_looked(tenant: Tenant) -> bool:
    (found,) = tenant.get("mdep")
    return bool(found["status"]["observedGeneration"] == found["metadata"]["generation"])


def test_what_the_api_server_refuses_is_told_in_its_words(tenant: Tenant, trifocal: Plugin) -> None:
    wrong = changed(minimal(namespace=tenant.namespace), "spec.replica", 3)
    done = trifocal("plan -f -", stdin=json.dumps(wrong))
    assert done.returncode == 1
    assert 'unknown field "spec.replica"' in done.stdout
    rule = changed(minimal(namespace=tenant.namespace), "spec.optimization.precisions", ["int8"])
    done = trifocal("plan -f -", stdin=json.dumps(rule))
    assert done.returncode == 1
    assert "int8 and int16 need images to calibrate with" in " ".join(done.stdout.split())
