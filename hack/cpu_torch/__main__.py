"""Builds the stand-ins into a virtual environment: python -m hack.cpu_torch SITE_PACKAGES.

Needs readelf (binutils) and gcc. Idempotent: a second run with the same PyTorch does nothing.
"""

import importlib.metadata
import subprocess
import sys
import tempfile
from pathlib import Path

from standins import Wanted, c_source, is_versioned, standins, version_script, wanted

_MARK = "cpu-standins"


def main() -> int:
    """Build what is missing. 0 on success, also where PyTorch is not installed."""
    if len(sys.argv) != 2:  # noqa: PLR2004 - the program and one argument
        print("usage: python hack/cpu_torch SITE_PACKAGES", file=sys.stderr)
        return 2
    site = Path(sys.argv[1])
    folder = site / "torch" / "lib"
    if not folder.is_dir():
        print(f"There is no PyTorch in {site}.", file=sys.stderr)
        return 1
    version = _torch_version(site)
    mark = folder / _MARK
    if mark.is_file() and mark.read_text() == version:
        return 0
    build(site, folder)
    mark.write_text(version)
    return 0


def build(site: Path, folder: Path) -> None:
    """Write every stand-in that no package brings."""
    objects = [
        _read(path)
        for package in ("torch", "torchvision", "torchao", "executorch")
        for path in sorted((site / package).rglob("*.so*"))
        if path.is_file() and not path.is_symlink()
    ]
    with tempfile.TemporaryDirectory() as scratch:
        for library, symbols in standins(objects).items():
            _compile(Path(scratch), folder / library, symbols, objects)


def _torch_version(site: Path) -> str:
    found = importlib.metadata.distributions(name="torch", path=[str(site)])
    return next(iter(found)).version


def _read(path: Path) -> Wanted:
    return wanted(_readelf("-d", path), _readelf("--dyn-syms", path))


def _readelf(what: str, path: Path) -> str:
    # Scripts and archives have names like libraries; they ask for nothing.
    done = subprocess.run(
        ["readelf", "-W", what, str(path)], capture_output=True, text=True, check=False
    )
    return done.stdout


def _compile(scratch: Path, target: Path, symbols: frozenset[str], objects: list[Wanted]) -> None:
    source = scratch / "standin.c"
    source.write_text(c_source(symbols))
    command = ["gcc", "-shared", "-fPIC", "-O1", "-w", f"-Wl,-soname,{target.name}"]
    script = version_script(target.name, versioned=is_versioned(target.name, objects))
    if script is not None:
        versions = scratch / "versions"
        versions.write_text(script)
        command.append(f"-Wl,--version-script={versions}")
    subprocess.run([*command, "-o", str(target), str(source)], check=True)


if __name__ == "__main__":
    sys.exit(main())
