"""One real API server for all integration tests of a run."""

from collections.abc import Iterator

import pytest

from tests.support.control_plane import ControlPlane, control_plane


@pytest.fixture(scope="session", name="control_plane")
def _control_plane() -> Iterator[ControlPlane]:
    """Started once; tests keep apart by namespace."""
    with control_plane() as plane:
        yield plane
