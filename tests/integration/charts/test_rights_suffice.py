"""The operator works with exactly the rights that the chart gives it."""

import json
from http import HTTPStatus
from pathlib import Path

import pytest

from tests.support.audit import AuditedRequest
from tests.support.control_plane import ControlPlane
from tests.support.operator_process import operator
from tests.support.tenant import FIRST_CHILDREN, Tenant

pytestmark = pytest.mark.integration


def kubeconfig_of_the_operator(plane: ControlPlane, system: str, folder: Path) -> Path:
    """Logs in with a token of the chart's ServiceAccount."""
    path = f"/api/v1/namespaces/{system}/serviceaccounts/trifocal-operator/token"
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    status, answer = plane.request("POST", path, body)
    assert status == HTTPStatus.CREATED, answer
    kubeconfig = folder / "kubeconfig"
    kubeconfig.write_text(json.dumps(plane.kubeconfig_for(answer["status"]["token"])))
    return kubeconfig


def test_nothing_that_it_asks_for_is_forbidden(
    control_plane: ControlPlane, system: str, tmp_path: Path
) -> None:
    kubeconfig = kubeconfig_of_the_operator(control_plane, system, tmp_path)
    tenant = Tenant(control_plane)
    since = control_plane.audit_position()
    with operator(kubeconfig, namespace=system) as running:
        running.wait_until_leading()
        tenant.deploy()
        assert tenant.eventually(lambda: tenant.children() == FIRST_CHILDREN), running.log()
        assert tenant.eventually(lambda: tenant.reports("Optimized", "Optimizing")), running.log()
        assert running.terminate() == 0
    tenant.leave()
    made = requests_of(control_plane, f"system:serviceaccount:{system}:trifocal-operator", since)
    assert {("patch", "modeldeployments"), ("create", "leases"), ("watch", "pods")} <= {
        (each.verb, each.resource) for each in made
    }
    assert [each for each in made if each.code == HTTPStatus.FORBIDDEN] == []


def requests_of(plane: ControlPlane, user: str, since: int) -> list[AuditedRequest]:
    return [each for each in plane.audit.requests(since) if each.user == user]
