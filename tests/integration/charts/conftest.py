"""Helm, and the chart as it is rendered."""

import os
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from hack.cluster.build import build
from hack.cluster.paths import REPOSITORY, tools_dir
from tests.support.control_plane import ControlPlane

CHART = REPOSITORY / "charts" / "trifocal"

Helm = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session", name="helm")
def _helm(tmp_path_factory: pytest.TempPathFactory) -> Helm:
    """Run helm with settings of its own, never the user's."""
    build(["helm"])
    home = tmp_path_factory.mktemp("helm")

    def run(*arguments: str | Path, kubeconfig: Path | None = None) -> Any:
        environment = {"PATH": os.environ["PATH"], "HOME": str(home)}
        if kubeconfig is not None:
            environment["KUBECONFIG"] = str(kubeconfig)
        return subprocess.run(  # noqa: S603 - the test's own words
            [str(tools_dir() / "helm"), *map(str, arguments)],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    return run


Render = Callable[..., dict[tuple[str, str], dict[str, Any]]]


@pytest.fixture(scope="session", name="render")
def _render(helm: Helm) -> Render:
    """`helm template` of release `trifocal`: the objects by kind and name."""

    def render(
        values: Mapping[str, Any] | None = None, *, namespace: str = "trifocal-system"
    ) -> dict[tuple[str, str], dict[str, Any]]:
        sets = [f"--set-json={key}={value}" for key, value in (values or {}).items()]
        done = helm("template", "trifocal", CHART, "--namespace", namespace, *sets)
        assert done.returncode == 0, done.stderr
        objects = [each for each in yaml.safe_load_all(done.stdout) if each]
        return {(each["kind"], each["metadata"]["name"]): each for each in objects}

    return render


@pytest.fixture(scope="session", name="system")
def _system(control_plane: ControlPlane, render: Render) -> str:
    """A namespace for restricted pods only, with the chart's objects in it."""
    name = control_plane.namespace(
        "trifocal", **{"pod-security.kubernetes.io/enforce": "restricted"}
    )
    objects = render({"replicas": "2"}, namespace=name).values()
    control_plane.must(
        *("apply", "--server-side", "--force-conflicts", "-f", "-"),
        stdin=yaml.safe_dump_all(objects),
    )
    return name
