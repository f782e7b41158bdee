"""`kubectl trifocal check` against a real API server."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tests.integration.cli.conftest import Plugin
from tests.support.tenant import Tenant
from trifocal import __version__
from trifocal.cli.main import main

pytestmark = pytest.mark.integration

CLASS = "trifocal-headroom"
LABELS = {
    "app.kubernetes.io/name": "trifocal",
    "app.kubernetes.io/component": "operator",
    "app.kubernetes.io/version": __version__,
}


def checked(arguments: str, kubeconfig: Path) -> tuple[int, dict[str, tuple[str, str]]]:
    options = [*arguments.split(), "--kubeconfig", str(kubeconfig), "-o", "json"]
    done = CliRunner().invoke(main, ["check", *options])
    found: list[dict[str, Any]] = json.loads(done.output)
    return done.exit_code, {each["name"]: (each["verdict"], each["found"]) for each in found}


@contextmanager
def installed(tenant: Tenant) -> Iterator[None]:
    """The chart's Deployment and the leader's lease, as controllers would have them."""
    container = {"name": "operator", "image": "operator"}
    template = {"metadata": {"labels": LABELS}, "spec": {"containers": [container]}}
    tenant.create(
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "trifocal-operator", "labels": LABELS},
            "spec": {"selector": {"matchLabels": LABELS}, "template": template},
        },
        {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": "trifocal-operator"},
            "spec": {
                "holderIdentity": "trifocal-operator-0",
                "renewTime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            },
        },
    )
    available = {"type": "Available", "status": "True", "reason": "x", "message": "x"}
    priority = {"value": -10, "preemptionPolicy": "Never", "metadata": {"name": CLASS}}
    classes = {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", **priority}
    tenant.plane.must("create", "-f", "-", stdin=json.dumps(classes))
    status = {"replicas": 1, "readyReplicas": 1, "availableReplicas": 1, "conditions": [available]}
    tenant.set_status("deployment", "trifocal-operator", status)
    try:
        yield
    finally:
        tenant.run("delete", "deployment", "trifocal-operator")
        tenant.plane.must("delete", "priorityclass", CLASS)


def test_a_cluster_with_trifocal_is_fit(tenant: Tenant, trifocal: Plugin) -> None:
    with installed(tenant):
        code, found = checked(f"-n {tenant.namespace}", tenant.plane.kubeconfig)
        told = trifocal("check")
    assert code == 0, found
    assert found.pop("GPUs") == ("warn", "none on 0 nodes")
    names = ("Kubernetes", "CRD", "your rights", "operator", "release", "leader", "Triton")
    assert {name: verdict for name, (verdict, _) in found.items()} == dict.fromkeys(
        (*names, "headroom"), "ok"
    )
    assert told.returncode == 0
    assert "ok    CRD" in told.stdout


def test_without_the_operator_it_fails_and_can_be_installed(tenant: Tenant) -> None:
    code, found = checked("", tenant.plane.kubeconfig)
    assert (code, found["operator"]) == (1, ("fail", "0 Deployments of an operator"))
    code, found = checked("--pre", tenant.plane.kubeconfig)
    assert (code, found["your rights"]) == (0, ("ok", "all 5"))
    assert found["CRD"][0] == "warn"


def test_whoever_has_no_rights_is_told_which_and_nothing_breaks(
    tenant: Tenant, tmp_path: Path
) -> None:
    token = tenant.run("create", "token", "default").strip()
    kubeconfig = tmp_path / "config"
    kubeconfig.write_text(json.dumps(tenant.plane.kubeconfig_for(token)))
    code, found = checked(f"-n {tenant.namespace}", kubeconfig)
    assert code == 1
    assert found["your rights"][0] == "fail"
    words = f"get modeldeployments.trifocal.dev in namespace {tenant.namespace}"
    assert words in found["your rights"][1]
    assert {found[name][0] for name in ("CRD", "operator", "GPUs")} == {"warn"}
    assert found["Kubernetes"][0] == "ok"
