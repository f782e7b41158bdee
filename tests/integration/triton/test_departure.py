"""A serving pod goes away under load, and no client with a persistent connection notices."""

from pathlib import Path

import pytest

from tests.integration.triton.clients import CLIENTS
from tests.integration.triton.conftest import RESTRICTED_KEY
from tests.integration.triton.departure import Departure, Report, depart
from tests.integration.triton.real_server import Installation
from tests.integration.triton.small_model import IMAGE, write_repository
from trifocal.triton.arguments import MAX_CONNECTION_AGE_SECONDS, server_arguments

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def report(
    triton_installation: Installation, small_model: Path, tmp_path_factory: pytest.TempPathFactory
) -> Report:
    folder = tmp_path_factory.mktemp("departure")
    departure = Departure(
        arguments=server_arguments(IMAGE, restricted_key=RESTRICTED_KEY),
        fronted=True,
        pre_stop_seconds=MAX_CONNECTION_AGE_SECONDS + 3,
    )
    repository = write_repository(folder / "models", small_model)
    return depart(departure, triton_installation, repository)


@pytest.mark.parametrize("kind", CLIENTS)
def test_every_request_is_answered(report: Report, kind: str) -> None:
    outcome = report.outcomes[kind]
    assert outcome.failures == []
    assert outcome.pinned > 0
    assert outcome.answered > 100


@pytest.mark.parametrize("kind", CLIENTS)
def test_all_clients_have_left_before_sigterm(report: Report, kind: str) -> None:
    assert report.outcomes[kind].left == 0


def test_triton_exits_cleanly_and_at_once(report: Report) -> None:
    assert report.exit_code == 0
    assert report.exit_seconds < 15
