"""The client against a local server: every kind of trouble is one sentence."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from tests.unit.autoscaling.prometheus.serving import QUERY, Handler, saying, serving
from trifocal.autoscaling.prometheus.access import PrometheusAccess
from trifocal.autoscaling.prometheus.answer import Point, PrometheusError, Series
from trifocal.autoscaling.prometheus.client import PrometheusClient, QueryLimits

ONE = """{"status":"success","data":{"resultType":"vector","result":[
{"metric":{"pod":"a"},"value":[1435781451.781,"42"]}]}}"""


async def trouble(
    handler: Handler, limits: QueryLimits | None = None, *, path: str = "", **files: Path
) -> str:
    """The sentence of a query that fails, without the server's address."""
    async with serving(handler) as served, aiohttp.ClientSession() as session:
        access = PrometheusAccess(url=served.url + path, **files)
        with pytest.raises(PrometheusError) as caught:
            await PrometheusClient(session, access, limits or QueryLimits()).query("up")
    return str(caught.value).replace(served.url, "URL")


async def test_a_query_is_a_form_with_its_time_and_its_deadline() -> None:
    async with serving(saying(ONE)) as served, aiohttp.ClientSession() as session:
        client = PrometheusClient(session, PrometheusAccess(url=served.url))
        at = datetime(2015, 6, 30, 20, 10, 51, 781000, tzinfo=UTC)
        answer = await client.query('up{pod="a"}', at)
        await client.query("up")
    assert answer.series == (Series({"pod": "a"}, (Point(1435781451.781, 42),)),)
    assert [dict(form) for form in served.forms] == [
        # The time is the one of the API's documentation, one day earlier.
        {"query": 'up{pod="a"}', "time": "1435695051.781", "timeout": "4s"},
        {"query": "up", "timeout": "4s"},
    ]


async def test_credentials_are_sent_with_the_query(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("secret")
    async with serving(saying(ONE)) as served, aiohttp.ClientSession() as session:
        access = PrometheusAccess(url=served.url, token_file=tmp_path / "token")
        await PrometheusClient(session, access).query("up")
    assert served.headers[0]["Authorization"] == "Bearer secret"


async def test_credentials_that_cannot_be_read_are_not_left_out(tmp_path: Path) -> None:
    message = await trouble(saying(ONE), token_file=tmp_path / "token")
    assert message.startswith(f"{tmp_path}/token cannot be read")


@pytest.mark.parametrize("status", [401, 403])
async def test_wrong_credentials(status: int) -> None:
    assert await trouble(saying("Unauthorized", status)) == (
        f"URL{QUERY} answered with status {status}: it wants other credentials than it was given."
    )


@pytest.mark.parametrize("path", ["/api/v1", "/prometheus"])
async def test_a_url_that_is_not_the_root(path: str) -> None:
    assert await trouble(saying(ONE), path=path) == (
        f"URL{path}{QUERY} answered with status 404: the URL must be that of Prometheus' root, "
        "without /api/v1."
    )


@pytest.mark.parametrize(
    ("status", "kind", "said"),
    [
        (400, "bad_data", "invalid parameter"),
        (422, "execution", "vector cannot contain metrics with the same labelset"),
        (503, "timeout", "query timed out in expression evaluation"),
    ],
)
async def test_what_the_api_says_of_an_error_is_passed_on(
    status: int, kind: str, said: str
) -> None:
    body = f'{{"status":"error","errorType":"{kind}","error":"{said}"}}'
    assert await trouble(saying(body, status)) == (
        f"URL{QUERY} answered with status {status} ({kind}: {said})."
    )


@pytest.mark.parametrize("status", [429, 500, 502, 503])
async def test_other_statuses_are_named(status: int) -> None:
    assert await trouble(saying("<html>", status)) == f"URL{QUERY} answered with status {status}."


async def test_a_redirect_is_not_followed() -> None:
    message = await trouble(saying("", 302, Location="http://169.254.169.254/"))
    assert message == (
        f"URL{QUERY} answered with status 302, a redirect, which is not followed: set the URL to "
        "where it leads."
    )


async def test_a_page_that_is_no_prometheus() -> None:
    message = await trouble(saying("<html>Grafana</html>"))
    assert message.startswith(f"URL{QUERY} answered with something that is not Prometheus' JSON.")


async def test_one_that_hangs_is_given_up() -> None:
    async def hanging(_: web.Request) -> web.StreamResponse:
        await asyncio.Event().wait()
        raise AssertionError

    message = await trouble(hanging, QueryLimits(seconds=0.05))
    assert message == f"URL{QUERY} did not answer within 0.05 s."


async def test_an_answer_that_is_too_large_is_cut_also_when_it_was_packed() -> None:
    async def packed(_: web.Request) -> web.StreamResponse:
        response = web.Response(body=b" " * 9001)
        response.enable_compression()
        return response

    message = await trouble(packed, QueryLimits(max_bytes=9000))
    assert message == f"URL{QUERY} sent more than 9000 bytes."


async def test_a_kept_connection_that_was_closed_costs_no_answer() -> None:
    asked = 0

    async def closing_once(request: web.Request) -> web.StreamResponse:
        nonlocal asked
        asked += 1
        if asked == 2 and request.transport:
            request.transport.close()
        return web.Response(text=ONE)

    async with serving(closing_once) as served, aiohttp.ClientSession() as session:
        client = PrometheusClient(session, PrometheusAccess(url=served.url))
        answers = [await client.query("up") for _ in range(2)]
    assert answers[0] == answers[1]
    assert asked == 3


async def test_one_that_is_not_there() -> None:
    async with serving(saying(ONE)) as served:
        pass
    async with aiohttp.ClientSession() as session:
        with pytest.raises(PrometheusError, match=r"cannot be asked: Cannot connect to host"):
            await PrometheusClient(session, PrometheusAccess(url=served.url)).query("up")


@pytest.mark.parametrize("url", ["prometheus:9090", "file:///etc/passwd", "http://[::1"])
async def test_an_address_that_is_none(url: str) -> None:
    async with aiohttp.ClientSession() as session:
        with pytest.raises(PrometheusError, match="cannot be asked"):
            await PrometheusClient(session, PrometheusAccess(url=url)).query("up")
