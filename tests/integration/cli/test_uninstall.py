"""`kubectl trifocal uninstall` against a real API server of its own: it takes the CRD away."""

from collections.abc import Iterator

import pytest
from click.testing import CliRunner, Result

from tests.support.control_plane import ControlPlane, control_plane
from tests.support.tenant import Tenant
from trifocal.cli.main import main

pytestmark = pytest.mark.integration

CRD = ("get", "crd", "modeldeployments.trifocal.dev", "--ignore-not-found")


@pytest.fixture(name="own_plane")
def _own_plane() -> Iterator[ControlPlane]:
    with control_plane() as plane:
        yield plane


def test_it_asks_and_then_deletes_what_helm_keeps(own_plane: ControlPlane) -> None:
    tenant = Tenant(own_plane)
    tenant.deploy("one", "two")
    labels = {"app.kubernetes.io/name": "trifocal", "app.kubernetes.io/component": "operator"}
    template = {
        "metadata": {"labels": labels},
        "spec": {"containers": [{"name": "o", "image": "o"}]},
    }
    tenant.create(
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "trifocal-operator", "labels": labels},
            "spec": {"selector": {"matchLabels": labels}, "template": template},
        }
    )

    def run(*arguments: str, answer: str = "") -> Result:
        where = ("--kubeconfig", str(own_plane.kubeconfig))
        return CliRunner().invoke(main, ["uninstall", *where, *arguments], input=answer)

    held = run("--yes")
    assert held.exit_code == 1
    assert (
        f"kubectl delete deployment trifocal-operator --namespace {tenant.namespace}" in held.output
    )
    tenant.run("delete", "deployment", "trifocal-operator")
    declined = run(answer="n\n")
    assert declined.exit_code == 1
    assert f"ModelDeployment {tenant.namespace}/two" in declined.output
    assert len(tenant.get("mdep")) == 2
    done = run(answer="y\n")
    assert (done.exit_code, done.output.splitlines()[-1]) == (0, "Deleted.")
    assert tenant.eventually(lambda: own_plane.must(*CRD) == "")
    again = run()
    assert (again.exit_code, again.output) == (0, "There is nothing to delete.\n")
