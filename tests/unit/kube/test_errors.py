"""Every answer of the API server is one of three errors."""

import json

import pytest

from trifocal.kube.errors import Gone, Refused, Transient, from_response

FORBIDDEN = json.dumps(
    {
        "kind": "Status",
        "reason": "Forbidden",
        "message": 'pods "a" is forbidden: exceeded quota: q',
    }
)


@pytest.mark.parametrize("status", [401, 408, 429, 500, 502, 503, 504])
def test_what_may_pass_by_itself_is_transient(status: int) -> None:
    assert isinstance(from_response(status, None, None, "GET /x"), Transient)


@pytest.mark.parametrize("status", [400, 403, 405, 409, 422])
def test_what_the_server_says_no_to_is_refused(status: int) -> None:
    assert isinstance(from_response(status, None, None, "GET /x"), Refused)


@pytest.mark.parametrize("status", [404, 410])
def test_what_is_not_there_is_gone(status: int) -> None:
    assert isinstance(from_response(status, None, None, "GET /x"), Gone)


def test_a_refusal_carries_the_servers_own_words() -> None:
    refused = from_response(403, FORBIDDEN, None, "PATCH /x")
    assert isinstance(refused, Refused)
    assert refused.reason == "Forbidden"
    assert refused.message == 'pods "a" is forbidden: exceeded quota: q'


@pytest.mark.parametrize("body", ["<html>bad gateway</html>", "", "[1]", "null"])
def test_a_proxys_page_is_no_reason_to_fail(body: str) -> None:
    refused = from_response(403, body, None, "PATCH /x")
    assert isinstance(refused, Refused)
    assert refused.reason == "Forbidden"
    assert "PATCH /x" in refused.message


@pytest.mark.parametrize(
    ("header", "seconds"), [("7", 7.0), ("-1", 0.0), ("Wed, 21 Oct 2015 07:28:00 GMT", 1.0)]
)
def test_retry_after_is_obeyed_where_it_is_a_number(header: str, seconds: float) -> None:
    error = from_response(429, None, {"Retry-After": header}, "GET /x")
    assert isinstance(error, Transient)
    assert error.retry_after == seconds
