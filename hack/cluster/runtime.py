"""The images that the container runtime holds."""

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from .build import built
from .commands import run
from .errors import ClusterError
from .oci import pack_program
from .paths import State
from .settings import PAUSE_IMAGE
from .versions import tool


def ctr(state: State, *arguments: str | Path) -> str:
    """Run `ctr` in the namespace that the kubelet uses."""
    program = built(tool("ctr"))
    return run([program, "-a", state.containerd_socket, "-n", "k8s.io", *arguments])


@contextmanager
def importing(state: State) -> Iterator[IO[bytes]]:
    """Where to write a tar of images; it is imported as it comes, without a copy on disk."""
    program = built(tool("ctr"))
    command: list[str | Path] = [program, "-a", state.containerd_socket, "-n", "k8s.io"]
    command += ["images", "import", "--local", "-"]
    with (
        tempfile.TemporaryFile() as words,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=words, stderr=words) as process,
    ):
        try:
            if process.stdin is None:  # a pipe was asked for
                raise AssertionError(command)
            with process.stdin as stream:
                yield stream
        except BrokenPipeError:
            pass  # its own words say why
        if process.wait() != 0:
            words.seek(0)
            raise ClusterError(f"the import failed: {words.read().decode().strip()}")


def present_images(state: State) -> dict[str, str]:
    """Name -> manifest digest of every image on the node."""
    rows = [line.split() for line in ctr(state, "images", "ls").splitlines()[1:]]
    return {row[0]: row[2] for row in rows if len(row) > 2}  # noqa: PLR2004


def ensure_pause_image(state: State) -> None:
    """Every pod's sandbox runs it."""
    if PAUSE_IMAGE in present_images(state):
        return
    archive = state / "run" / "pause.tar"
    pack_program(built(tool("pause")), PAUSE_IMAGE, archive)
    ctr(state, "images", "import", "--local", archive)
    archive.unlink()
