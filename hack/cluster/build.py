"""Builds the Go programs once per version, unpacks Debian's, and links to them in one folder."""

import fcntl
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from .commands import run
from .debian import unpack
from .golang import go_program
from .paths import GO_MODULES, cache_dir, tools_dir
from .versions import PACKAGED, TOOLS, Packaged, Tool, tools


def built(each: Tool | Packaged) -> Path:
    """Where that program lies once it is built."""
    return cache_dir() / "bin" / each.key / each.name


def crds(each: Tool) -> Path:
    """Where the CRDs that it watches lie once it is built."""
    return built(each).parent / "crds"


def build(names: Iterable[str] = ()) -> None:
    """Build what is missing of these tools and groups (default: everything) and link it."""
    wanted = [each for name in names for each in tools(name)] or [*TOOLS, *PACKAGED]
    missing = [each for each in wanted if not built(each).exists()]
    if missing:
        with _one_builder():
            for each in missing:
                if not built(each).exists():  # another builder may have been first
                    _make(each)
                _link(each)
    for each in wanted:
        _link(each)


def _make(each: Tool | Packaged) -> None:
    started = time.monotonic()
    print(f"making {each.key} ...", file=sys.stderr, flush=True)
    target = built(each)
    target.parent.parent.mkdir(parents=True, exist_ok=True)
    # Made beside its place and renamed into it: half a program never has the final name.
    scratch = Path(tempfile.mkdtemp(prefix=f".{each.key}.", dir=target.parent.parent))
    try:
        if isinstance(each, Packaged):
            unpack(each, scratch / each.name)
        else:
            command = _command(go_program(), each, scratch / each.name)
            run(command, cwd=GO_MODULES / each.group, env=_ENVIRONMENT)
            for folder in each.crds:
                _keep_files(_module(each) / folder, scratch / crds(each).name)
        scratch.chmod(0o755)
        scratch.rename(target.parent)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    print(f"made {each.key} in {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)


# No C compiler: the programs run in any root, a debootstrap one or none at all (pause).
_ENVIRONMENT = {"CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly -buildvcs=false", "GOWORK": "off"}


def _command(go: Path, each: Tool, output: Path) -> list[str | Path]:
    flags = f"-s -w {each.ldflags}".strip()
    tags: list[str | Path] = ["-tags", each.tags] if each.tags else []
    return [
        *("nice", "-n", "10", go, "build", "-trimpath", "-ldflags", flags),
        *tags,
        *("-o", output, each.package),
    ]


def _module(each: Tool) -> Path:
    """Where the Go module that a tool is built from was downloaded to."""
    command: list[str | Path] = [go_program(), "list", "-f", "{{.Module.Dir}}", each.package]
    return Path(run(command, cwd=GO_MODULES / each.group, env=_ENVIRONMENT).strip())


def _keep_files(source: Path, target: Path) -> None:
    """Copy a folder's files beside those that are there; Go's cache of modules is read-only."""
    target.mkdir(exist_ok=True)
    for path in source.iterdir():
        shutil.copyfile(path, target / path.name)


def _link(each: Tool | Packaged) -> None:
    """Point tools/<name> at the build, atomically, and only if it does not already."""
    link, target = tools_dir() / each.name, built(each)
    if link.is_symlink() and link.readlink() == target:
        return
    link.parent.mkdir(parents=True, exist_ok=True)
    fresh = link.with_name(f".{each.name}.{os.getpid()}")
    fresh.symlink_to(target)
    fresh.replace(link)


@contextmanager
def _one_builder() -> Iterator[None]:
    """Two builds at once would compile the same packages twice; the second waits."""
    cache_dir().mkdir(parents=True, exist_ok=True)
    with (cache_dir() / "build.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
