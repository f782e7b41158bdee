"""The local cluster with Trifocal on it, the tiny classifier on a claim, and its deployments."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks.cluster import execution
from tests.e2e.cluster import ROOT, Cluster, eventually
from tests.e2e.fixtures import write_data
from tests.e2e.workload import Workload

NAMESPACE = "trifocal-benchmark"
IMAGES = ("operator", "optimizer", "triton-cpu")
READY_SECONDS = 600
_FILES = ("model.onnx", "calibration.tar", "evaluation.tar")


@dataclass(frozen=True)
class Stage:
    """Where deployments are put."""

    workload: Workload
    console: Console

    @property
    def cluster(self) -> Cluster:
        """The local cluster."""
        return self.workload.cluster

    def deploy(self, specs: Mapping[str, Mapping[str, Any]]) -> None:
        """Applies each spec over the tiny classifier's, and waits until all are ready.

        The first goes ahead: the others use what its Job has published.
        """
        for position, (name, spec) in enumerate(specs.items()):
            self.workload.apply(name, spec)
            if position == 0:
                self.await_ready([name])
        self.await_ready(list(specs))

    def clear(self) -> None:
        """No deployment is left; what the Job has published is."""
        _delete_deployments(self.cluster)

    def await_ready(self, names: Sequence[str]) -> None:
        """Every ordered replica of each serves."""
        for name in names:
            self.workload.wait(name, "Ready", seconds=READY_SECONDS)
            eventually(
                partial(self.workload.get, name),
                _all_ready,
                seconds=READY_SECONDS,
                what=f"all replicas of {name}",
            )


def _all_ready(md: Mapping[str, Any]) -> bool:
    return bool(md["status"].get("readyReplicas") == md["spec"].get("replicas", 1))


@contextmanager
def stage(console: Console) -> Iterator[Stage]:
    """The cluster, started and stopped if it does not run already; the namespace goes in any case.

    Whatever else runs on the machine takes CPU from the pods, and shows as latency.
    """
    was_running = _hack("status", check=False).returncode == 0
    console.print("local cluster and images ...")
    _hack("up")
    _hack("images", *IMAGES)
    cluster = Cluster.local_cluster(_hack("env").stdout)
    try:
        console.print("operator and data ...")
        yield Stage(_furnished(cluster), console)
    finally:
        execution.remove(cluster)
        _clear(cluster)
        if not was_running:
            _hack("down")


def _furnished(cluster: Cluster) -> Workload:
    cluster.install_chart(ROOT / "charts" / "trifocal")
    cluster.create_namespace(NAMESPACE)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        digests = write_data(folder)
        for path in folder.iterdir():
            if path.name not in _FILES:
                path.unlink()
        cluster.load_claim(NAMESPACE, "data", folder)
    cluster.create_claim(NAMESPACE, "artifacts")
    execution.inject(cluster, NAMESPACE)
    return Workload(cluster, NAMESPACE, digests)


def _delete_deployments(cluster: Cluster) -> None:
    """Without waiting a minute for each pod to drain: nobody waits for its answers any more."""
    for kind in ("hpa", "mdep"):
        cluster.kubectl("delete", kind, "--all", "-n", NAMESPACE, "--wait=true", check=False)
    cluster.kubectl(
        *("delete", "pods", "--all", "-n", NAMESPACE, "--grace-period=0", "--force"), check=False
    )


def _clear(cluster: Cluster) -> None:
    _delete_deployments(cluster)
    cluster.kubectl(
        *("delete", "namespace", NAMESPACE, "--ignore-not-found", "--timeout=120s"), check=False
    )


def _hack(*arguments: str, check: bool = True) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-m", "hack.cluster", *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        check=check,
    )
