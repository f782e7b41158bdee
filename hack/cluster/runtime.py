"""The images that the container runtime holds."""

from pathlib import Path

from .build import built
from .commands import run
from .oci import pack_program
from .paths import State
from .settings import PAUSE_IMAGE
from .versions import tool


def ctr(state: State, *arguments: str | Path) -> str:
    """Run `ctr` in the namespace that the kubelet uses."""
    program = built(tool("ctr"))
    return run([program, "-a", state.containerd_socket, "-n", "k8s.io", *arguments])


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
