"""`make demo` as a newcomer runs it: real pages, real answers, scaling up and down, one last line.

It runs last: what it cleans up at its end is the release that the other tests use.
"""

import os
import subprocess
import sys

import pytest

from tests.e2e.cluster import ROOT, Cluster

DEMO = [sys.executable, "-m", "hack.demo"]


@pytest.mark.timeout(900)
def test_the_demo_passes_and_cleans_up(trifocal: Cluster) -> None:
    environment = {**os.environ, "KUBECONFIG": str(trifocal.kubeconfig)}
    told = subprocess.run(  # noqa: S603 - our own program
        DEMO, cwd=ROOT, env=environment, capture_output=True, check=False
    )
    lines = told.stdout.decode().splitlines()
    assert told.returncode == 0, lines[-30:]
    assert lines[-1] == "demo: PASS"
    subprocess.run([*DEMO, "--clean"], cwd=ROOT, env=environment, check=True)  # noqa: S603
    assert trifocal.kubectl("get", "namespace", "demo", "--ignore-not-found") == ""
