"""A real S3 server (versitygw) over a folder, on a free port."""

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from hack.cluster.paths import tools_dir

TOOL = tools_dir() / "versitygw"
ACCESS_KEY = "testaccess"
SECRET_KEY = "testsecret"  # noqa: S105 - of a server that lives for one test
START_SECONDS = 20


@dataclass(frozen=True)
class S3Server:
    """Its URL, and the folder whose subfolders are the buckets."""

    url: str
    folder: Path

    def credentials(self, folder: Path, *, secret: str = SECRET_KEY) -> Path:
        """A folder as a mounted Secret is one."""
        folder.mkdir(exist_ok=True)
        (folder / "AWS_ACCESS_KEY_ID").write_text(ACCESS_KEY)
        (folder / "AWS_SECRET_ACCESS_KEY").write_text(f"{secret}\n")
        return folder


@contextmanager
def s3_server(folder: Path, host: str = "127.0.0.1") -> Iterator[S3Server]:
    """Runs while the block does; pods reach it on the node's address."""
    if not TOOL.exists():
        pytest.fail(f"{TOOL} is missing; build it with `python3 -m hack.cluster build`.")
    with socket.create_server((host, 0)) as probe:
        port = probe.getsockname()[1]
    for bucket in ("models", "artifacts"):
        (folder / bucket).mkdir()
    arguments = ["--access", ACCESS_KEY, "--secret", SECRET_KEY, "--quiet"]
    with subprocess.Popen(  # noqa: S603 - a program of this repository's own tools
        [TOOL, *arguments, "--port", f"{host}:{port}", "posix", str(folder)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            _wait(host, port, process)
            yield S3Server(url=f"http://{host}:{port}", folder=folder)
        finally:
            process.terminate()


def _wait(host: str, port: int, process: "subprocess.Popen[bytes]") -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        with socket.socket() as client:
            if client.connect_ex((host, port)) == 0:
                return
        time.sleep(0.05)
    pytest.fail(f"versitygw did not answer on port {port} within {START_SECONDS} s.")
