"""Helm as the administrator of a test's API server, with settings of its own, never the user's."""

import os
import subprocess
from pathlib import Path

from hack.cluster.build import build
from hack.cluster.paths import tools_dir
from tests.support.control_plane import ControlPlane

CHART = Path(__file__).parent / "chart"
"""A team's chart with one ModelDeployment, named after the release."""


def helm(plane: ControlPlane, *arguments: str | Path) -> str:
    """Standard output of helm, which has to succeed."""
    build(["helm"])
    done = subprocess.run(  # noqa: S603 - the test's own words
        [str(tools_dir() / "helm"), *map(str, arguments)],
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(plane.root),
            "KUBECONFIG": str(plane.kubeconfig),
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    if done.returncode != 0:
        raise AssertionError(f"helm {arguments} failed: {done.stderr}")
    return done.stdout
