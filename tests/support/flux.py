"""Flux: its real source-controller and kustomize-controller, and what a team declares for them.

Both run as processes beside a test's API server. Intervals are long, so nothing happens but what a
test asks for, in the way in which `flux reconcile` asks: with the annotation `requestedAt`.
"""

import os
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from hack.cluster.build import build, built, crds
from hack.cluster.polling import becomes_true
from hack.cluster.versions import Tool, tool
from tests.support.control_plane import ControlPlane, _die_with_parent, _free_ports

NAMES = ("source-controller", "kustomize-controller")
SOURCES = "/apis/source.toolkit.fluxcd.io/v1"
KUSTOMIZATIONS = "/apis/kustomize.toolkit.fluxcd.io/v1"
NAME = "models"
"""Of the GitRepository, the Kustomization, and the folder that it applies."""
FLUXES_OWN = frozenset({"gitrepositories", "kustomizations", "events"})
"""What Flux writes when there is nothing to do: what it has found, about its own objects."""
_APPLY = "application/apply-patch+yaml"
_MERGE = "application/merge-patch+json"
_START_SECONDS = 60  # 3 s on an idle machine
_HANDLED_SECONDS = 60  # a fetch, a build and a dry run take 2 s

Manifest = dict[str, Any]


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
        self._health[name], artifacts = _free_ports(2)
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


class Delivery:
    """One GitRepository, and one Kustomization that applies its folder `models`."""

    def __init__(self, plane: ControlPlane, namespace: str, url: str) -> None:
        """Nothing is declared yet; `url` is what the repository is cloned from."""
        self.plane = plane
        self.namespace = namespace
        self._source = f"{SOURCES}/namespaces/{namespace}/gitrepositories/{NAME}"
        self._kustomization = f"{KUSTOMIZATIONS}/namespaces/{namespace}/kustomizations/{NAME}"
        self._url = url

    def declare(self, **spec: Any) -> None:
        """Apply both objects; `spec` is added to the Kustomization's."""
        self._apply(
            self._source,
            {
                "apiVersion": "source.toolkit.fluxcd.io/v1",
                "kind": "GitRepository",
                "spec": {"interval": "1h", "url": self._url, "ref": {"branch": "main"}},
            },
        )
        whole = {
            "interval": "1h",
            "path": f"./{NAME}",
            "prune": True,
            "wait": True,
            "timeout": "30m",
            "targetNamespace": self.namespace,
            "sourceRef": {"kind": "GitRepository", "name": NAME},
        }
        self._apply(
            self._kustomization,
            {
                "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
                "kind": "Kustomization",
                "spec": {**whole, **spec},
            },
        )

    def fetch(self, revision: str) -> None:
        """Have the source fetched now, as `flux reconcile source git` does, up to this commit."""
        self._request(self._source)

        def has_it() -> bool:
            artifact = self._read(self._source)["status"].get("artifact", {})
            return bool(artifact.get("revision") == revision)

        assert becomes_true(has_it, _HANDLED_SECONDS), self._read(self._source)["status"]

    def reconcile(self) -> None:
        """Have it applied and judged again now, as `flux reconcile kustomization` does."""
        token = self._request(self._kustomization)

        def is_handled() -> bool:
            status = self._read(self._kustomization)["status"]
            return bool(status.get("lastHandledReconcileAt") == token and not self.is_at_work())

        assert becomes_true(is_handled, _HANDLED_SECONDS), self.read()

    def read(self) -> Manifest:
        """The Kustomization."""
        return self._read(self._kustomization)

    def condition(self, kind: str = "Ready") -> Manifest:
        """A condition of the Kustomization; empty where there is none."""
        found = self.read().get("status", {}).get("conditions", ())
        return next((c for c in found if c["type"] == kind), {})

    def is_ready(self, revision: str) -> bool:
        """Whether it is Ready with this commit."""
        found = self.read()
        applied = found.get("status", {}).get("lastAppliedRevision") == revision
        return applied and self.condition().get("status") == "True"

    def has_failed(self, revision: str) -> bool:
        """Whether its last try of this commit failed."""
        tried = self.read().get("status", {}).get("lastAttemptedRevision") == revision
        return tried and self.condition().get("reason") == "HealthCheckFailed"

    def is_at_work(self) -> bool:
        """Whether it is applying, or waiting for what it has applied."""
        return self.condition("Reconciling").get("reason") == "Progressing"

    def leave(self) -> None:
        """Delete both, which prunes what was applied; wait until they are gone."""
        for path in (self._kustomization, self._source):
            self.plane.request("DELETE", path)
        paths = (self._kustomization, self._source)
        assert becomes_true(lambda: not any(map(self.plane.answers, paths)), _HANDLED_SECONDS)

    def _apply(self, path: str, manifest: Mapping[str, Any]) -> None:
        metadata = {"name": NAME, "namespace": self.namespace}
        body = {**manifest, "metadata": metadata}
        query = "?fieldManager=team&force=true"
        status, answer = self.plane.request("PATCH", path + query, body, content_type=_APPLY)
        assert status < 300, answer

    def _request(self, path: str) -> str:
        token = f"{time.time_ns()}"
        annotations = {"reconcile.fluxcd.io/requestedAt": token}
        body = {"metadata": {"annotations": annotations}}
        status, answer = self.plane.request("PATCH", path, body, content_type=_MERGE)
        assert status < 300, answer
        return token

    def _read(self, path: str) -> Manifest:
        status, answer = self.plane.request("GET", path)
        assert status == 200, answer
        return answer


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
