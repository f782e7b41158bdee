"""An API server of their own for these tests: they stop it, and operators watch all of it."""

from collections.abc import Iterator

import pytest

from tests.support.control_plane import ControlPlane, control_plane
from tests.support.fault_proxy import FaultProxy, fault_proxy
from tests.support.tenant import Tenant


@pytest.fixture(scope="session", name="plane")
def _plane() -> Iterator[ControlPlane]:
    """Shared by this folder's tests, which keep apart by namespace."""
    with control_plane() as plane:
        yield plane


@pytest.fixture(name="tenant")
def _tenant(plane: ControlPlane) -> Iterator[Tenant]:
    """A fresh namespace with the claims that manifests name, emptied afterwards."""
    tenant = Tenant(plane)
    yield tenant
    tenant.leave()


@pytest.fixture(name="proxy")
def _proxy(plane: ControlPlane) -> Iterator[FaultProxy]:
    with fault_proxy(plane) as proxy:
        yield proxy
