"""Fixtures of the end-to-end tests: a cluster, Trifocal installed by its chart, data on a claim.

With KUBECONFIG set, that cluster is used (Trifocal's images must be reachable there, see
TRIFOCAL_IMAGE_*); otherwise a local one is started, and stopped again if it was not running.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.cluster import ROOT, Cluster
from tests.e2e.fixtures import DataSet, write_data
from tests.e2e.workload import Workload

NAMESPACE = "trifocal-e2e"
SECONDS = 420
"""That a test may take which says nothing else."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder is an e2e test, with a limit that fits a real cluster.

    Of the test alone: whichever is first has a cluster started and images built before it, which
    takes as long as the machine is slow.
    """
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.e2e)
            own = item.get_closest_marker("timeout")
            seconds = own.args[0] if own else SECONDS
            item.add_marker(pytest.mark.timeout(seconds, func_only=True), append=False)


def _hack(*arguments: str) -> str:
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-m", "hack.cluster", *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return done.stdout


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A cluster that answers, with Trifocal's images on its nodes."""
    if kubeconfig := os.environ.get("KUBECONFIG"):
        yield Cluster(kubeconfig=Path(kubeconfig), local=False)
        return
    was_running = subprocess.run(
        [sys.executable, "-m", "hack.cluster", "status"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    _hack("up")
    _hack("images")
    yield Cluster.local_cluster(_hack("env"))
    if was_running.returncode != 0:
        _hack("down")
        _hack("verify-down")


@pytest.fixture(scope="session")
def trifocal(cluster: Cluster) -> Cluster:
    """The cluster with the chart installed and the operator ready."""
    cluster.install_chart(ROOT / "charts" / "trifocal")
    return cluster


@pytest.fixture(scope="session")
def data(trifocal: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DataSet]:
    """Models and datasets, good and bad, on a claim in the tests' namespace."""
    folder = tmp_path_factory.mktemp("data")
    digests = write_data(folder)
    trifocal.create_namespace(NAMESPACE)
    trifocal.load_claim(NAMESPACE, "data", folder)
    trifocal.create_claim(NAMESPACE, "artifacts")
    yield digests
    # Nobody waits for their answers any more: no need to drain them for a minute.
    trifocal.kubectl("delete", "mdep", "--all", "-n", NAMESPACE, "--wait=true")
    trifocal.kubectl("delete", "pods", "--all", "-n", NAMESPACE, "--grace-period=0", "--force")
    trifocal.kubectl("delete", "namespace", NAMESPACE, "--wait=true", "--timeout=120s")


@pytest.fixture
def workload(trifocal: Cluster, data: DataSet) -> Iterator[Workload]:
    """Applies ModelDeployments and deletes them afterwards."""
    applied = Workload(trifocal, NAMESPACE, data)
    yield applied
    applied.delete_all()
