"""Where a connection goes is decided once, on the addresses that were checked."""

import socket
from collections.abc import Sequence
from ipaddress import ip_address

import pytest

from tests.support.web_server import Answer, web_server
from trifocal.artifacts.addresses import Address
from trifocal.artifacts.failure import InterruptedWorkError, RefusedError
from trifocal.artifacts.http_source import open_http
from trifocal.artifacts.place import Place


def test_name_that_resolves_to_metadata_is_refused() -> None:
    def resolve(_host: str, _port: int) -> Sequence[Address]:
        return [ip_address("169.254.169.254")]

    with (
        pytest.raises(RefusedError, match=r"models\.example\.org resolves to 169\.254\.169\.254"),
        open_http(Place(uri="http://models.example.org/m"), resolve),
    ):
        pass


def test_checked_address_is_the_one_that_is_connected_to() -> None:
    """A second look-up could answer differently (DNS rebinding)."""
    asked: list[str] = []

    def resolve(host: str, _port: int) -> Sequence[Address]:
        asked.append(host)
        return [ip_address("127.0.0.1")]

    with (
        web_server(lambda _path: Answer(body=b"here")) as server,
        open_http(Place(uri=server.url("/m", host="models.invalid")), resolve) as response,
    ):
        assert response.read() == b"here"
    assert asked == ["models.invalid"]
    assert server.seen[0][1]["Host"] == f"models.invalid:{server.port}"


def test_unknown_name_is_transient() -> None:
    def resolve(_host: str, _port: int) -> Sequence[Address]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    with (
        pytest.raises(InterruptedWorkError, match="cannot be resolved"),
        open_http(Place(uri="http://models.invalid/m"), resolve),
    ):
        pass
