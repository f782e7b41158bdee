"""The operator as a process of its own against a test's API server."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hack.cluster.polling import becomes_true
from tests.support.control_plane import free_ports

_START_SECONDS = 60  # 3 s on an idle machine


class OperatorProcess:
    """A running `trifocal operator`."""

    module = "trifocal"
    """What Python runs; a subclass may start the operator in another way."""

    def __init__(self, kubeconfig: Path, name: str, folder: Path, **settings: str) -> None:
        """Start it.

        Args:
            kubeconfig: how it reaches the API server.
            name: its identity as lease holder.
            folder: where its log goes.
            settings: more environment variables, without their prefix TRIFOCAL_.
        """
        self.probes_port, self.metrics_port = free_ports(2)
        self.folder = folder
        self._log = folder / f"{name}.log"
        environment = {
            **os.environ,
            "KUBECONFIG": str(kubeconfig),
            "TRIFOCAL_NAMESPACE": "default",
            "TRIFOCAL_POD_NAME": name,
            "TRIFOCAL_PROBES_PORT": str(self.probes_port),
            "TRIFOCAL_METRICS_PORT": str(self.metrics_port),
            **{f"TRIFOCAL_{key.upper()}": value for key, value in settings.items()},
        }
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(  # noqa: S603 - a module of ours
                [sys.executable, "-m", self.module, "operator"],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def probe(self, path: str) -> int:
        """Status of a probe; 0 when nothing answers."""
        try:
            with urllib.request.urlopen(
                f"http://127.0.0.1:{self.probes_port}{path}", timeout=5
            ) as r:
                return int(r.status)
        except urllib.error.HTTPError as error:
            error.close()
            return error.code
        except OSError:
            return 0

    def exposition(self) -> str:
        """Its metrics, as Prometheus reads them."""
        with urllib.request.urlopen(
            f"http://127.0.0.1:{self.metrics_port}/metrics", timeout=5
        ) as response:
            return str(response.read().decode())

    def metrics(self) -> dict[str, float]:
        """Samples by name and labels, as the exposition writes them."""
        lines = self.exposition().splitlines()
        samples = (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
        return {name: float(value) for name, value in samples}

    def leads(self) -> bool:
        """Whether it holds the lease."""
        try:
            return self.metrics()["trifocal_leader"] == 1.0
        except OSError:
            return False

    def wait_until_leading(self) -> "OperatorProcess":
        """Return when it leads and watches."""
        assert becomes_true(
            lambda: self.leads() and self.probe("/readyz") == 200, _START_SECONDS
        ), self.log()
        return self

    def log(self) -> str:
        """Everything that it logged."""
        return self._log.read_text()

    def records(self) -> list[dict[str, Any]]:
        """Its log lines as JSON; a line that is none fails the test."""
        return [json.loads(line) for line in self.log().splitlines()]

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the process."""
        self.process.send_signal(number)

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        self.process.kill()
        self.process.wait()

    def terminate(self) -> int:
        """SIGTERM; the exit status."""
        self.process.terminate()
        return self.process.wait(timeout=20)


@contextmanager
def operator(
    kubeconfig: Path, name: str = "operator-a", **settings: str
) -> Iterator[OperatorProcess]:
    """An operator that ends with the block, however that ends."""
    with tempfile.TemporaryDirectory(prefix="trifocal-operator-") as folder:
        running = OperatorProcess(kubeconfig, name, Path(folder), **settings)
        try:
            yield running
        finally:
            running.kill()
