"""What the GitOps tests share: one API server with an operator and Flux, a namespace for each."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.controllers import Controllers
from tests.faults.session import Launched
from tests.gitops.cluster_at_work import cluster_at_work
from tests.gitops.delivery import Delivery
from tests.gitops.team import Team
from tests.support.control_plane import ControlPlane, control_plane
from tests.support.flux import Flux, flux
from tests.support.git_server import git_server
from tests.support.operator_process import OperatorProcess
from tests.support.tenant import Tenant


@pytest.fixture(scope="session", name="plane")
def _plane() -> Iterator[ControlPlane]:
    """Tests keep apart by namespace."""
    with control_plane() as plane:
        yield plane


@pytest.fixture(scope="session", name="operator")
def _operator(
    plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[OperatorProcess]:
    """The operator, with the fault tests' pace: what is retried in 5 min is retried in 3 s."""
    running = Launched(plane.kubeconfig, "operator-a", tmp_path_factory.mktemp("operator"))
    try:
        yield running.wait_until_leading()
    finally:
        running.kill()


@pytest.fixture(scope="session", name="controllers")
def _flux(plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flux]:
    with flux(plane, tmp_path_factory.mktemp("flux")) as running:
        yield running


@pytest.fixture(name="tenant")
def _tenant(plane: ControlPlane, operator: OperatorProcess) -> Iterator[Tenant]:
    """A namespace that the operator looks after."""
    del operator
    tenant = Tenant(plane)
    yield tenant
    tenant.leave()


@pytest.fixture(name="cluster")
def _cluster(tenant: Tenant) -> Iterator[Controllers]:
    """Jobs and pods of that namespace."""
    with cluster_at_work(tenant.plane, tenant.namespace) as working:
        yield working


@pytest.fixture(name="team")
def _team(
    tenant: Tenant, cluster: Controllers, controllers: Flux, tmp_path: Path
) -> Iterator[Team]:
    """A team with a git repository, a namespace, and Flux between them."""
    del controllers
    with git_server(tmp_path) as (repository, url):
        delivery = Delivery(tenant.plane, tenant.namespace, url)
        yield Team(repository, tenant, cluster, delivery)
        delivery.leave()
