"""The rights that `trifocal check` asks for suffice for every command, and fewer do not."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.integration.cli.made import deploy_optimized, grant, has_revision
from tests.support.manifests import minimal
from tests.support.operator_process import OperatorProcess
from tests.support.tenant import Tenant
from trifocal.cli.check.checking import rights_to_use
from trifocal.cli.main import main

pytestmark = pytest.mark.integration


def test_they_suffice_for_every_command(
    tenant: Tenant, leader: OperatorProcess, tmp_path: Path
) -> None:
    deploy_optimized(tenant)
    assert tenant.eventually(lambda: has_revision(tenant)), leader.log()
    token = tenant.run("create", "token", "default").strip()
    kubeconfig, file = tmp_path / "config", tmp_path / "digits.yaml"
    kubeconfig.write_text(json.dumps(tenant.plane.kubeconfig_for(token)))
    file.write_text(json.dumps(minimal(namespace=tenant.namespace)))

    def run(command: str) -> Result:
        where = ["--kubeconfig", str(kubeconfig), "-n", tenant.namespace]
        return CliRunner().invoke(main, [*command.split(), *where])

    denied = run("explain digits")
    assert denied.exit_code == 3
    assert "is forbidden" in denied.output
    grant(tenant, rights_to_use(tenant.namespace))
    assert tenant.eventually(lambda: run("status digits").exit_code == 2)
    for command, code in (
        ("explain digits", 2),
        ("freeze digits", 0),
        (f"plan -f {file}", 0),
        ("rollout history digits", 0),
        ("rollout status digits --timeout 0", 2),
        ("rollout pause digits", 0),
        ("rollout resume digits", 0),
        ("rollout undo digits", 3),
        (f"report digits -o {tmp_path / 'bundle.tar.gz'}", 0),
    ):
        done = run(command)
        assert done.exit_code == code, (command, done.output)
    checked = json.loads(run("check -o json").output)
    assert {each["name"]: each["verdict"] for each in checked}["your rights"] == "ok"
