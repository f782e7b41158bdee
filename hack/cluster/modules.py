"""Go modules of which files are read and nothing is built, by version and checksum."""

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path

from .commands import run
from .errors import ClusterError
from .golang import go_program
from .versions import KUBERNETES


@dataclass(frozen=True)
class Module:
    """A module of the Go proxy; `checksum` is go.sum's, of the whole module."""

    path: str
    version: str
    checksum: str


OLDEST_KUBERNETES = Module(
    "k8s.io/kubernetes", "v1.30.14", "h1:MrlKXh9uhLIJpyxOeXhcndzRVSvwiV9iJ8NgH8nqPsg="
)
"""The last release of the oldest minor that the chart installs on (`kubeVersion` in Chart.yaml)."""
NEWEST_KUBERNETES = Module(
    "k8s.io/kubernetes", KUBERNETES, "h1:qDQdoMiluAE2Eab6Fa52YV+WjiGz9mZFFoagEA6cI+o="
)
"""What the cluster and the tests' API server are built from."""
PROMETHEUS_OPERATOR = Module(
    "github.com/prometheus-operator/prometheus-operator",
    "v0.85.0",
    "h1:M5xLCLEoaW2IJfnuCwFzzpL+jSVQu3KGT84Pye+fW8s=",
)

OPENAPI = "api/openapi-spec/v3"
"""Folder of a Kubernetes module: what its API server publishes at /openapi/v3."""
PROMETHEUS_CRDS = "example/prometheus-operator-crd"
"""Folder of Prometheus Operator's module."""


def files_of(module: Module) -> Path:
    """The module's folder in Go's cache, downloaded if it is not there. It is read-only.

    Raises:
        ClusterError: It cannot be had, or is not the one that was meant.
    """
    wanted = f"{module.path}@{module.version}"
    with tempfile.TemporaryDirectory() as empty:
        # In a folder without a go.mod: no other module's requirements count.
        environment = {"GOFLAGS": "-mod=mod", "GOWORK": "off"}
        command: list[str | Path] = [go_program(), "mod", "download", "-json", wanted]
        answer = json.loads(run(command, cwd=Path(empty), env=environment))
    if answer["Sum"] != module.checksum:
        raise ClusterError(f"{wanted} has the checksum {answer['Sum']}, not {module.checksum}.")
    return Path(answer["Dir"])
