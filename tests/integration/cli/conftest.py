"""An API server and an operator of their own for the plugin's tests."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import pytest

from hack.cluster.paths import tools_dir
from tests.support.control_plane import ControlPlane, control_plane
from tests.support.operator_process import OperatorProcess, operator
from tests.support.tenant import Tenant

Done: TypeAlias = "subprocess.CompletedProcess[str]"
Plugin: TypeAlias = Callable[..., Done]


@pytest.fixture(scope="session", name="plane")
def _plane() -> Iterator[ControlPlane]:
    """Shared by this folder's tests, which keep apart by namespace."""
    with control_plane() as plane:
        yield plane


@pytest.fixture(scope="session", name="leader")
def _leader(plane: ControlPlane) -> Iterator[OperatorProcess]:
    with operator(plane.kubeconfig) as running:
        yield running.wait_until_leading()


@pytest.fixture(name="tenant")
def _tenant(plane: ControlPlane) -> Iterator[Tenant]:
    tenant = Tenant(plane)
    yield tenant
    tenant.leave()


@pytest.fixture(name="trifocal")
def _trifocal(tenant: Tenant) -> Plugin:
    """Runs `kubectl trifocal ...` in the tenant's namespace; kubectl finds the plugin on PATH."""

    def run(command: str, stdin: str | None = None) -> Done:
        plugins = Path(sys.executable).parent
        environment = {
            "PATH": f"{tools_dir()}:{plugins}:{os.environ['PATH']}",
            "HOME": str(tenant.plane.root),
            "KUBECONFIG": str(tenant.plane.kubeconfig),
            "COLUMNS": "100",
        }
        return subprocess.run(  # noqa: S603 - the test's own words
            [tools_dir() / "kubectl", "trifocal", *command.split(), "-n", tenant.namespace],
            env=environment,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=100,
        )

    return run
