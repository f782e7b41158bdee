"""Runs one of our own programs, its lines indented under the step that runs it."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from rich.console import Console

from hack.demo.problem import DemoError

ROOT = Path(__file__).parents[2]


def run_python(console: Console, *arguments: str, environment: Mapping[str, str]) -> None:
    """Run this Python with arguments, from the repository's root.

    Raises:
        DemoError: It failed; its last line says why.
    """
    last = ""
    with subprocess.Popen(
        (sys.executable, *arguments),
        cwd=ROOT,
        env=dict(environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        for line in process.stdout or ():
            last = line.strip() or last
            console.print(f"  {line.rstrip()}", markup=False, highlight=False)
    if process.returncode != 0:
        command = " ".join(("python3", *arguments))
        raise DemoError(last.removeprefix("error: "), f"{command}   (in {ROOT})")
