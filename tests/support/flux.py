"""Flux: its real source-controller and kustomize-controller, as processes beside an API server."""

import os
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from hack.cluster.build import build, built, crds
from hack.cluster.polling import becomes_true
from hack.cluster.versions import Tool, tool
from tests.support.control_plane import ControlPlane, _die_with_parent, free_ports

NAMES = ("source-controller", "kustomize-controller")
SOURCES = "/apis/source.toolkit.fluxcd.io/v1"
KUSTOMIZATIONS = "/apis/kustomize.toolkit.fluxcd.io/v1"
FLUXES_OWN = frozenset({"gitrepositories", "kustomizations", "events"})
"""What Flux writes when there is nothing to do: what it has found, about its own objects."""
_START_SECONDS = 60  # 3 s on an idle machine


class Flux:
    """The two controllers of one API server; `flux()` makes it."""

    def __init__(self, plane: ControlPlane, folder: Path) -> None:
        """Nothing runs yet; logs and fetched sources go into `folder`."""
        self._plane = plane
        self._folder = folder
        self._health: dict[str, int] = {}

    def install(self) -> None:
        """The CRDs of both, served."""
        for each in map(tool, NAMES):
            assert isinstance(each, Tool)
            self._plane.must("apply", "--server-side", "-f", crds(each))
        served = (f"{SOURCES}/gitrepositories", f"{KUSTOMIZATIONS}/kustomizations")
        assert becomes_true(lambda: all(map(self._plane.answers, served)), _START_SECONDS)

    def start(self, name: str) -> "subprocess.Popen[bytes]":
        """Start a controller."""
        self._health[name], artifacts = free_ports(2)
        address = f"127.0.0.1:{artifacts}"
        own = {
            "source-controller": (
                f"--storage-path={self._folder}",
                f"--storage-addr={address}",
                f"--storage-adv-addr={address}",
            ),
            # As docs/gitops.md advises.
            "kustomize-controller": ("--feature-gates=CancelHealthCheckOnNewRevision=true",),
        }
        with (self._folder / f"{name}.log").open("ab") as log:
            return subprocess.Popen(  # noqa: S603 - built by us
                [
                    str(built(tool(name))),
                    f"--health-addr=127.0.0.1:{self._health[name]}",
                    "--metrics-addr=0",
                    *own[name],
                ],
                env={**os.environ, "KUBECONFIG": str(self._plane.kubeconfig)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=_die_with_parent,  # noqa: PLW1509 - one system call, no locks
            )

    def wait_until_ready(self) -> None:
        """Return when both answer their readiness probes."""
        assert becomes_true(lambda: all(map(_answers, self._health.values())), _START_SECONDS), (
            self.log()
        )

    def log(self) -> str:
        """The last lines of both logs."""
        texts = (path.read_text() for path in sorted(self._folder.glob("*.log")))
        return "\n".join(line for text in texts for line in text.splitlines()[-15:])


@contextmanager
def flux(plane: ControlPlane, folder: Path) -> Iterator[Flux]:
    """Both controllers, ready; they end with the block."""
    build(NAMES)
    made = Flux(plane, folder)
    made.install()
    with ExitStack() as stack:
        for name in NAMES:
            process = made.start(name)
            stack.callback(process.wait)
            stack.callback(process.kill)
        made.wait_until_ready()
        yield made


def _answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
