"""The demo's last line and exit code when something is wrong."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]


def test_any_failure_ends_with_a_sentence_and_demo_fail(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "hack.demo"],
        cwd=ROOT,
        env={**os.environ, "KUBECONFIG": str(tmp_path / "none")},
        capture_output=True,
        text=True,
        check=False,
    )
    lines = done.stdout.splitlines()
    assert done.returncode == 1
    assert lines[-1] == "demo: FAIL"
    assert f"KUBECONFIG is {tmp_path}/none, and there is no such file" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
