"""`kubectl trifocal report` against a real API server and operator."""

import stat
import tarfile
from pathlib import Path

import pytest

from tests.integration.cli.conftest import Plugin
from tests.support.operator_process import OperatorProcess
from tests.support.tenant import Tenant

pytestmark = pytest.mark.integration

SECRET = "c4n4ry-in-the-cluster"  # noqa: S105 - what must not appear


def test_the_bundle_has_what_helps_and_no_secret(
    tenant: Tenant, leader: OperatorProcess, trifocal: Plugin, tmp_path: Path
) -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s3"}}
    tenant.create({**secret, "stringData": {"AWS_SECRET_ACCESS_KEY": SECRET}})
    tenant.deploy()
    assert tenant.eventually(tenant.has_settled), leader.log()
    tenant.run("annotate", "mdep", "digits", f"example.com/login={SECRET}")
    since = tenant.plane.audit_position()
    file = tmp_path / "bundle.tar.gz"
    done = trifocal(f"report digits -o {file}")
    assert done.returncode == 0, done.stderr
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with tarfile.open(file) as tar:
        texts = {
            member.name.partition("/")[2]: tar.extractfile(member).read().decode()  # type: ignore[union-attr]  # files only
            for member in tar.getmembers()
        }
    assert {"README.txt", "explain.txt", "object.yaml", "events.yaml"} <= set(texts)
    kinds = {name.split("/")[1].split("-")[0] for name in texts if name.startswith("children/")}
    assert kinds >= {"job", "configmap", "service", "networkpolicy", "poddisruptionbudget"}
    assert "optimization  under way" in texts["explain.txt"]
    assert [name for name, text in texts.items() if SECRET in text] == []
    assert "example.com/login: <redacted>" in texts["object.yaml"]
    mine = [w for w in tenant.plane.audit_writes(since) if w.namespace == tenant.namespace]
    assert [w for w in mine if w.field_manager == "trifocal-cli"] == []
    again = trifocal(f"report digits -o {file}")
    assert (again.returncode, "File exists" in again.stderr) == (3, True)
