"""The pod's HTTP front as a process: nginx with the configuration under test."""

import contextlib
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.integration.triton import real_server
from tests.support.control_plane import free_ports
from trifocal.triton import arguments
from trifocal.triton.http_front import http_front_config


def find_nginx() -> str:
    """On PATH, or Debian's package unpacked beside the other tools; nothing is installed."""
    if found := shutil.which("nginx"):
        return found
    folder = real_server.cache_directory() / "nginx"
    program = folder / "usr/sbin/nginx"
    if not program.exists():
        folder.mkdir(parents=True, exist_ok=True)
        _unpack(folder)
    return str(program)


def _unpack(folder: Path) -> None:
    # On a new machine the lists of packages are empty.
    if not (_download(folder) or (_apt(folder, "update") and _download(folder))):
        raise RuntimeError("nginx is needed: run `apt-get update && apt-get install nginx`.")
    (package,) = folder.glob("nginx_*.deb")
    subprocess.run(  # noqa: S603 - the package just downloaded
        ["dpkg-deb", "--extract", package.name, "."],  # noqa: S607 - Debian's
        cwd=folder,
        check=True,
    )


def _download(folder: Path) -> bool:
    return _apt(folder, "download", "nginx")


def _apt(folder: Path, *arguments: str) -> bool:
    try:
        done = subprocess.run(["apt-get", "-qq", *arguments], cwd=folder, check=False)  # noqa: S603, S607 - Debian's
    except OSError:
        return False
    return done.returncode == 0


@contextlib.contextmanager
def front_before(triton_port: int, model: str, folder: Path) -> Iterator[int]:
    """The front of one server; gives the port that clients connect to.

    The configuration is a pod's own but for ports and paths, of which a pod has one each.
    """
    (port,) = free_ports(1)
    config = http_front_config(model)
    for own, here in (
        (f"127.0.0.1:{arguments.TRITON_HTTP_PORT} ", f"127.0.0.1:{triton_port} "),
        (f"listen {arguments.HTTP_PORT} ", f"listen 127.0.0.1:{port} "),
        (" /tmp/nginx", f" {folder}/nginx-{port}"),
    ):
        assert own in config
        config = config.replace(own, here)
    path = folder / f"nginx-{port}.conf"
    path.write_text(config)
    process = subprocess.Popen(  # noqa: S603 - nginx with our configuration
        [find_nginx(), "-e", "stderr", "-c", str(path)]
    )
    try:
        real_server.wait_for_port(port, process)
        yield port
    finally:
        process.terminate()
        process.wait()
