"""The operator under test and what it runs against: API server, proxy, and a kubelet's patience."""

import json
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from hack.cluster.polling import becomes_true
from tests.faults.client import Client, Manifest
from tests.support.control_plane import ControlPlane, control_plane
from tests.support.fault_proxy import FaultProxy, fault_proxy, nothing_fails
from tests.support.operator_process import OperatorProcess

START_SECONDS = 180
"""3 s on an idle machine."""
REPLACED = "operator-a"
"""The pod's name: one that is started again by the kubelet holds its lease still."""


class Launched(OperatorProcess):
    """An operator that `tests.faults.launcher` starts."""

    module = "tests.faults.launcher"


class Session:
    """One API server and one operator, used by several runs one after the other."""

    def __init__(self, plane: ControlPlane, proxy: FaultProxy, folder: Path, bug: str = "") -> None:
        """Nothing runs yet; `bug` names a seeded one."""
        self.plane = plane
        self.proxy = proxy
        self.client = Client(plane, "harness")
        self.fresh: dict[str, Mapping[tuple[str, str], Any]] = {}
        """Children by the spec that they were made for, as JSON."""
        self.restarts = 0
        self._folder = folder
        self._bug = bug
        self._clock = folder / "clock"
        self.set_clock(0)
        self._kubeconfig = proxy.kubeconfig(folder)
        self._operators: dict[str, tuple[OperatorProcess, Mapping[str, str]]] = {}

    def start(self, name: str = REPLACED, **settings: str) -> None:
        """Start an operator; from now on it is started again whenever it ends."""
        given = {"clock_file": str(self._clock), **settings}
        if self._bug:
            given["seeded_bug"] = self._bug
        running = Launched(self._kubeconfig, name, self._folder, **given)
        self._operators[name] = running, settings

    def stop(self, name: str) -> None:
        """End an operator for good."""
        if name in self._operators:
            self._operators.pop(name)[0].kill()

    def close(self) -> None:
        """End everything that was started."""
        for name in tuple(self._operators):
            self.stop(name)
        self.client.close()

    def kill(self) -> None:
        """SIGKILL the operator; `keep_running` starts it again, as the kubelet would."""
        self._operators[REPLACED][0].kill()

    def keep_running(self) -> None:
        """Start again what has ended."""
        for name, (running, settings) in tuple(self._operators.items()):
            if running.process.poll() is not None:
                self.restarts += 1
                self.start(name, **settings)

    def wait_until_leading(self) -> None:
        """Return when the operator leads and watches."""

        def leads() -> bool:
            self.keep_running()
            running = self._operators[REPLACED][0]
            return running.leads() and running.probe("/readyz") == 200

        assert becomes_true(leads, START_SECONDS), self.log_text()[-4000:]

    def is_idle(self) -> bool:
        """Whether the operator leads and has nothing to do now."""
        try:
            told = self._operators[REPLACED][0].metrics()
        except OSError:
            return False
        busy = told["trifocal_queue_depth"] + told["trifocal_passes_in_progress"]
        return told["trifocal_leader"] == 1.0 and busy == 0

    def log_text(self) -> str:
        """Everything that any operator logged."""
        return "".join(path.read_text() for path in sorted(self._folder.glob("*.log")))

    def rotate_token(self) -> None:
        """Refuse the present token; the kubeconfig has the next one."""
        token = f"rotated-{time.monotonic_ns()}"
        self.proxy.kubeconfig(self._folder, token)
        self.proxy.required_token = token

    def end_faults(self) -> None:
        """Let everything pass, at the right time; a rotated token stays the right one."""
        self.proxy.rule = nothing_fails
        self.proxy.watch_rule = nothing_fails
        self.proxy.release_watches()
        self.set_clock(0)

    def set_clock(self, ahead_seconds: float) -> None:
        """Set the operators' wall clock, of those that run and those to come."""
        new = self._clock.with_suffix(".new")
        new.write_text(str(ahead_seconds))
        new.replace(self._clock)

    def write_lease(self, spec: Manifest) -> None:
        """Write the operator's lease as another holder would."""
        path = "/apis/coordination.k8s.io/v1/namespaces/default/leases/trifocal-operator"
        manifest = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "spec": spec}
        query = "?fieldManager=thief&force=true"
        self.client.must("PATCH", path + query, manifest, "application/apply-patch+yaml")


def read_log(text: str) -> Iterator[Mapping[str, Any]]:
    """The log's lines as JSON; a line that is none comes as `unreadable`."""
    for line in text.splitlines():
        try:
            yield json.loads(line)
        except ValueError:
            yield {"unreadable": line}


@contextmanager
def session(plane: ControlPlane, bug: str = "") -> Iterator[Session]:
    """A session with an operator that leads; everything ends with the block."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="trifocal-faults-")))
        proxy = stack.enter_context(fault_proxy(plane))
        made = Session(plane, proxy, folder, bug)
        stack.callback(made.close)
        made.start()
        made.wait_until_leading()
        yield made


@contextmanager
def whole_session() -> Iterator[Session]:
    """A session with an API server of its own."""
    with control_plane() as plane, session(plane) as made:
        yield made
