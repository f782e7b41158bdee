"""The completion that docs/kubectl.md describes, as kubectl itself asks for it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from hack.cluster.paths import REPOSITORY, tools_dir
from tests.support.control_plane import ControlPlane

pytestmark = pytest.mark.integration

PAGE = REPOSITORY / "docs" / "kubectl.md"


def completed(plane: ControlPlane, folder: Path, *words: str) -> list[str]:
    script = folder / "kubectl_complete-trifocal"
    text = PAGE.read_text().partition("```\n#!/bin/sh\n")[2].partition("```")[0]
    script.write_text(f"#!/bin/sh\n{text}")
    script.chmod(0o755)
    programs = Path(sys.executable).parent
    done = subprocess.run(  # noqa: S603 - the test's own words
        [tools_dir() / "kubectl", "__complete", "trifocal", *words],
        env={
            "PATH": f"{folder}:{tools_dir()}:{programs}:{os.environ['PATH']}",
            "HOME": str(plane.root),
            "KUBECONFIG": str(plane.kubeconfig),
        },
        capture_output=True,
        text=True,
        check=True,
        timeout=100,
    )
    *candidates, directive = done.stdout.split()
    assert directive == ":4"  # ShellCompDirectiveNoFileComp
    return candidates


def test_kubectl_completes_commands_and_options(plane: ControlPlane, tmp_path: Path) -> None:
    assert completed(plane, tmp_path, "ex") == ["explain"]
    assert completed(plane, tmp_path, "rollout", "") == [
        *("history", "pause", "restart", "resume", "status", "undo")
    ]
    assert completed(plane, tmp_path, "explain", "--name") == ["--namespace"]
