"""What `kubectl trifocal render` prints is taken by a real API server."""

from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from tests.support.manifests import minimal
from tests.support.tenant import Tenant
from trifocal.cli.main import main

pytestmark = pytest.mark.integration


def test_every_child_is_a_valid_object(tenant: Tenant, tmp_path: Path) -> None:
    file = tmp_path / "digits.yaml"
    file.write_text(yaml.safe_dump(minimal(namespace=tenant.namespace)))
    done = CliRunner().invoke(main, ["render", "-f", str(file)])
    assert done.exit_code == 0, done.output
    taken = tenant.run(
        "apply", "--dry-run=server", "--validate=strict", "-f", "-", stdin=done.output
    )
    assert taken.count("created (server dry run)") == 8
    assert tenant.children() == set()
