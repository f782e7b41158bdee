"""Wake-up queries are asked side by side; whatever happens to one is a value and hurts no other."""

import asyncio
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest
from aiohttp import web

from tests.unit.autoscaling.prometheus.serving import serving
from trifocal.api.wake_up import PrometheusWakeUp
from trifocal.autoscaling.prometheus.access import PrometheusAccess
from trifocal.autoscaling.prometheus.answer import Answer, Point, PrometheusError, Series
from trifocal.autoscaling.prometheus.client import PrometheusClient
from trifocal.autoscaling.waiting_work import NotAllowed, Unknown, Work
from trifocal.autoscaling.wake_up import LIMITS, SIDE_BY_SIDE, NobodyAsks, WakeUps, through

KEY = ("vision", "digits")
ONE = {"resultType": "scalar", "result": [1435781451.781, "3"]}
QUERY = PrometheusWakeUp(query="sum(waiting)", threshold=2)


class Prometheus:
    """Answers each query with a number, or does not; remembers who asked what."""

    def __init__(self, *amounts: float | None) -> None:
        """None is no answer; the last one is repeated."""
        self._amounts = list(amounts)
        self.asked: list[tuple[str, str]] = []
        self.now = datetime(2026, 1, 1, tzinfo=UTC)

    async def __call__(self, namespace: str, query: str) -> Answer:
        self.asked.append((namespace, query))
        amount = self._amounts.pop(0) if len(self._amounts) > 1 else self._amounts[0]
        if amount is None:
            raise PrometheusError("http://prometheus did not answer.")
        return Answer(series=(Series({}, (Point(0.0, amount),)),))

    def wake_ups(self) -> WakeUps:
        return WakeUps(self, lambda: self.now)


async def test_a_query_is_asked_for_its_namespace_and_held_against_its_threshold() -> None:
    prometheus = Prometheus(3)
    found = await prometheus.wake_ups().ask({KEY: QUERY})
    assert prometheus.asked == [("vision", "sum(waiting)")]
    assert found == {KEY: Work(amount=3, threshold=2)}


async def test_no_answer_is_unknown_in_prometheus_own_words() -> None:
    found = await Prometheus(None).wake_ups().ask({KEY: QUERY})
    assert found == {KEY: Unknown(message="http://prometheus did not answer.")}


async def test_a_long_refusal_is_cut_to_what_status_takes() -> None:
    async def refuse(_namespace: str, query: str) -> Answer:
        raise PrometheusError(f"parse error in {query}")

    long = PrometheusWakeUp(query=2000 * "x")
    wake_ups = WakeUps(refuse, lambda: datetime(2026, 1, 1, tzinfo=UTC))
    found = (await wake_ups.ask({KEY: long}))[KEY]
    assert isinstance(found, Unknown)
    assert len(found.message) == 500


@pytest.mark.parametrize(
    ("parameter", "carried"), [(None, {}), ("namespace", {"namespace": "vision"})]
)
async def test_a_proxy_is_told_the_namespace_that_a_query_is_held_to(
    parameter: str | None, carried: dict[str, str]
) -> None:
    seen: list[dict[str, str]] = []

    async def handle(request: web.Request) -> web.StreamResponse:
        seen.append(dict(request.query))
        return web.json_response({"status": "success", "data": ONE})

    async with serving(handle) as served, aiohttp.ClientSession() as session:
        client = PrometheusClient(session, PrometheusAccess(url=served.url), LIMITS)
        answer = await through(client, parameter)("vision", "sum(waiting)")
    assert seen == [carried]
    assert served.forms[0]["query"] == "sum(waiting)"
    assert answer.series[0].points[0].value == 3


async def test_the_last_answer_stands_in_for_half_a_minute_and_is_not_fresh() -> None:
    prometheus = Prometheus(0, None)
    wake_ups = prometheus.wake_ups()
    await wake_ups.ask({KEY: QUERY})
    prometheus.now += timedelta(seconds=30)
    assert await wake_ups.ask({KEY: QUERY}) == {KEY: Work(amount=0, threshold=2, fresh=False)}
    prometheus.now += timedelta(seconds=1)
    assert isinstance((await wake_ups.ask({KEY: QUERY}))[KEY], Unknown)


async def test_the_answer_to_another_question_does_not_stand_in() -> None:
    prometheus = Prometheus(0, None)
    wake_ups = prometheus.wake_ups()
    await wake_ups.ask({KEY: QUERY})
    other = PrometheusWakeUp(query="sum(others)", threshold=2)
    assert isinstance((await wake_ups.ask({KEY: other}))[KEY], Unknown)


async def test_an_object_that_was_gone_starts_without_an_answer() -> None:
    prometheus = Prometheus(0, None)
    wake_ups = prometheus.wake_ups()
    await wake_ups.ask({KEY: QUERY})
    await wake_ups.ask({})
    assert isinstance((await wake_ups.ask({KEY: QUERY}))[KEY], Unknown)


async def test_who_has_waited_longest_is_asked_first() -> None:
    prometheus = Prometheus(0)
    wake_ups = prometheus.wake_ups()
    await wake_ups.ask({KEY: QUERY})
    prometheus.now += timedelta(seconds=5)
    await wake_ups.ask({KEY: QUERY, ("a", "new"): QUERY})
    assert [namespace for namespace, _ in prometheus.asked] == ["vision", "a", "vision"]


async def test_no_more_than_a_few_are_asked_at_a_time() -> None:
    at_work = most = 0

    async def ask(_namespace: str, _query: str) -> Answer:
        nonlocal at_work, most
        at_work += 1
        most = max(most, at_work)
        await asyncio.sleep(0)
        at_work -= 1
        return Answer(series=())

    keys = [("vision", str(number)) for number in range(3 * SIDE_BY_SIDE)]
    wake_ups = WakeUps(ask, lambda: datetime(2026, 1, 1, tzinfo=UTC))
    assert len(await wake_ups.ask(dict.fromkeys(keys, QUERY))) == len(keys)
    assert most == SIDE_BY_SIDE


async def test_where_queries_are_not_allowed_that_is_the_answer() -> None:
    found = await NobodyAsks("They are not allowed.").ask({KEY: QUERY})
    assert found == {KEY: NotAllowed(message="They are not allowed.")}
