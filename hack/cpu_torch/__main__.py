"""Builds the stand-ins beside PyTorch: python3 -m hack.cpu_torch SITE_PACKAGES [FOLDER].

Needs gcc and readelf (binutils), and no other Python packages. Does nothing where PyTorch is a
build without CUDA, and nothing a second time. FOLDER is for a SITE_PACKAGES that is read-only.
"""

import argparse
import ctypes
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from .standins import c_source, is_versioned, standins, version_script, wanted

_MARK = "cpu-standins"
_LINKED_WITH_CUDA = ("torch", "torchvision", "torchao")


def main(arguments: Sequence[str]) -> int:
    """Build what is missing; 0 if PyTorch finds every library afterwards."""
    parser = argparse.ArgumentParser(prog="python3 -m hack.cpu_torch", description=__doc__)
    parser.add_argument("site", type=Path, metavar="SITE_PACKAGES")
    parser.add_argument("folder", type=Path, nargs="?", help="default: torch/lib in there")
    parsed = parser.parse_args(arguments)
    libraries = parsed.site / "torch" / "lib"
    folder = parsed.folder or libraries
    if not (libraries / "libtorch_cuda.so").is_file():
        return 0
    mark = folder / _MARK
    if mark.is_file() and mark.read_text() == _fingerprint(parsed.site):
        return 0
    try:
        _build(_shared_objects(parsed.site), folder)
    except FileNotFoundError as error:
        print(f"{error.filename} is needed; install gcc and binutils.", file=sys.stderr)
        return 1
    if folder == libraries:
        # With every symbol resolved at once: one that is missing is named here, not in a Job.
        ctypes.CDLL(str(libraries / "libtorch_cuda.so"))
    mark.write_text(_fingerprint(parsed.site))
    return 0


def _shared_objects(site: Path) -> list[Path]:
    folders = (site / package for package in _LINKED_WITH_CUDA)
    found = (path for folder in folders for path in folder.rglob("*.so*"))
    return sorted(path for path in found if path.is_file() and not path.is_symlink())


def _fingerprint(site: Path) -> str:
    """Changes when a package is replaced, and when a stand-in is lost."""
    return "".join(
        f"{path.relative_to(site)} {path.stat().st_size}\n" for path in _shared_objects(site)
    )


def _build(paths: Sequence[Path], folder: Path) -> None:
    objects = [wanted(_readelf("-d", path), _readelf("--dyn-syms", path)) for path in paths]
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        for library, symbols in standins(objects).items():
            script = version_script(library, versioned=is_versioned(library, objects))
            _compile(Path(scratch), folder / library, c_source(symbols), script)


def _readelf(what: str, path: Path) -> str:
    # Not checked: scripts and archives have names like libraries, and ask for nothing.
    command = ["readelf", "-W", what, str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def _compile(scratch: Path, target: Path, text: str, versions: str | None) -> None:
    source, script = scratch / "standin.c", scratch / "versions"
    source.write_text(text)
    command = ["gcc", "-shared", "-nostdlib", "-fPIC", "-O1", "-w", f"-Wl,-soname,{target.name}"]
    if versions is not None:
        script.write_text(versions)
        command.append(f"-Wl,--version-script={script}")
    subprocess.run([*command, "-o", str(target), str(source)], check=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
