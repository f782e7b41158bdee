"""A real Prometheus on a free port, which scrapes what a test says; it can go down and come up."""

import socket
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from hack.cluster.build import build
from hack.cluster.paths import tools_dir
from hack.cluster.polling import wait_until

INTERVAL = "200ms"
"""Between two scrapes: tests wait for several."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """What is scraped, and the labels that service discovery would give to its series."""

    port: int
    labels: Mapping[str, str]
    job: str = "models"


@dataclass
class PrometheusServer:
    """One server with its folder, over several runs of its program."""

    folder: Path
    port: int
    web: Mapping[str, Any] = field(default_factory=dict)
    """Its web configuration: TLS and users."""
    _process: "subprocess.Popen[bytes] | None" = None

    @property
    def url(self) -> str:
        """Its root."""
        scheme = "https" if "tls_server_config" in self.web else "http"
        return f"{scheme}://127.0.0.1:{self.port}"

    def scrape(self, targets: Sequence[Target]) -> None:
        """What it is to scrape from its next start on."""
        config = {
            "global": {"scrape_interval": INTERVAL, "scrape_timeout": INTERVAL},
            "scrape_configs": [
                {
                    "job_name": job,
                    "static_configs": [
                        {"targets": [f"127.0.0.1:{each.port}"], "labels": dict(each.labels)}
                        for each in targets
                        if each.job == job
                    ],
                }
                for job in sorted({each.job for each in targets})
            ],
        }
        (self.folder / "prometheus.yml").write_text(yaml.safe_dump(config))
        (self.folder / "web.yml").write_text(yaml.safe_dump(dict(self.web)))

    def start(self) -> None:
        """Run it until it answers."""
        log = (self.folder / "log").open("ab")
        self._process = subprocess.Popen(  # noqa: S603 - a program of this repository's own tools
            [
                tools_dir() / "prometheus",
                f"--config.file={self.folder / 'prometheus.yml'}",
                f"--web.config.file={self.folder / 'web.yml'}",
                f"--web.listen-address=127.0.0.1:{self.port}",
                f"--storage.tsdb.path={self.folder / 'data'}",
            ],
            stdout=log,
            stderr=log,
        )
        log.close()
        wait_until(self._is_ready, f"Prometheus is not ready; see {self.folder / 'log'}", 60)

    def stop(self) -> None:
        """End it; what it has stored stays."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(timeout=30)
            self._process = None

    def _is_ready(self) -> bool:
        """Where it wants a password or TLS, that it says so is enough."""
        if self._process is not None and self._process.poll() is not None:
            raise AssertionError((self.folder / "log").read_text())
        if self.web:
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", self.port)) == 0
        try:
            with urllib.request.urlopen(  # noqa: S310 - the address is ours
                f"{self.url}/-/ready", timeout=5
            ):
                return True
        except (urllib.error.URLError, OSError):
            return False


@contextmanager
def prometheus_server(
    folder: Path, targets: Sequence[Target] = (), web: Mapping[str, Any] | None = None
) -> Iterator[PrometheusServer]:
    """Runs while the block does."""
    build(["prometheus"])
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    server = PrometheusServer(folder=folder, port=port, web=web or {})
    server.scrape(targets)
    try:
        server.start()
        yield server
    finally:
        server.stop()
