"""Takes single programs out of Debian packages, without installing these and their services."""

import tempfile
from pathlib import Path

from .commands import run
from .errors import ClusterError
from .versions import Packaged


def unpack(each: Packaged, target: Path) -> None:
    """Download the package and keep its one program at `target`."""
    with tempfile.TemporaryDirectory(prefix="package.", dir=target.parent) as name:
        folder = Path(name)
        _download(each.package, folder)
        (package,) = folder.glob("*.deb")
        run(["dpkg", "-x", package, folder / "root"])
        (folder / "root" / each.path).rename(target)


def _download(package: str, folder: Path) -> None:
    """The lists of packages are fetched only if the download fails without: they may be old."""
    download = ["apt-get", "download", "-q", package]
    try:
        run(download, cwd=folder)
    except ClusterError:
        run(["apt-get", "update", "-q"], advice=f"{package} could not be downloaded before it.")
        run(download, cwd=folder, advice="Tests need it; nothing else does.")
