"""One API server and one operator for all fault tests; each run has a namespace of its own."""

from collections.abc import Iterator

import pytest

from tests.faults.session import Session, whole_session


@pytest.fixture(scope="session", name="session")
def _session() -> Iterator[Session]:
    """The operator as it ships, behind the proxy."""
    with whole_session() as made:
        yield made
