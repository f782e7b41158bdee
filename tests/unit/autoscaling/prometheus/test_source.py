"""The source in the scraper's place: few queries, and its trouble stays with those it is about."""

import asyncio
from datetime import UTC, datetime, timedelta

from structlog.testing import capture_logs

from tests.unit.autoscaling.prometheus.recorded import NOW, RECORDED, pod
from trifocal.autoscaling.prometheus.answer import Answer, PrometheusError
from trifocal.autoscaling.prometheus.source import PODS_PER_QUERY, SIDE_BY_SIDE, PrometheusSource
from trifocal.autoscaling.scraper import PodAddress, Scrape, ScrapeFailure

EMPTY = Answer(series=())


class Scripted:
    """Answers queries in turn, the last answer again and again."""

    def __init__(self, *answers: Answer | PrometheusError) -> None:
        self._answers = list(answers)
        self.expressions: list[str] = []
        self.most_at_a_time = 0
        self._at_a_time = 0

    async def query(self, expression: str, at: datetime | None = None) -> Answer:
        assert at is None
        self.expressions.append(expression)
        self._at_a_time += 1
        self.most_at_a_time = max(self.most_at_a_time, self._at_a_time)
        await asyncio.sleep(0)
        self._at_a_time -= 1
        answer = self._answers[0] if len(self._answers) == 1 else self._answers.pop(0)
        if isinstance(answer, PrometheusError):
            raise answer
        return answer


def source(prometheus: Scripted, now: datetime = NOW) -> PrometheusSource:
    return PrometheusSource(prometheus, lambda: now, max_age=timedelta(seconds=15))


def pods(count: int, namespace: str) -> list[PodAddress]:
    return [pod(f"{namespace}-{n}", namespace) for n in range(count)]


async def test_one_query_is_for_all_pods_and_each_gets_its_own() -> None:
    prometheus = Scripted(RECORDED)
    found = await source(prometheus).scrape([pod("once"), pod("twice"), pod("gone"), *pods(9, "a")])
    assert len(prometheus.expressions) == 1
    assert 'namespace=~"a|vision"' in prometheus.expressions[0]
    assert [uid for uid, scrape in found.items() if isinstance(scrape, Scrape)] == [
        "uid-once",
        "uid-twice",
    ]
    assert len(found) == 12


async def test_no_pods_are_no_query() -> None:
    prometheus = Scripted(EMPTY)
    assert await source(prometheus).scrape([]) == {}
    assert prometheus.expressions == []


async def test_namespaces_stay_whole_and_share_queries() -> None:
    """1,100 pods: 300 and 200 are one query, then 600, which no other fits beside."""
    prometheus = Scripted(EMPTY)
    assert PODS_PER_QUERY == 500
    asked = [*pods(300, "a"), *pods(200, "b"), *pods(600, "c")]
    found = await source(prometheus).scrape(asked)
    assert set(found) == {each.uid for each in asked}
    assert [e.rsplit("=~", 1)[1] for e in prometheus.expressions] == ['"a|b"}))', '"c"}))']


async def test_no_more_queries_than_allowed_are_under_way() -> None:
    prometheus = Scripted(EMPTY)
    await source(prometheus).scrape([each for n in range(9) for each in pods(400, f"ns-{n}")])
    assert len(prometheus.expressions) == 9
    assert prometheus.most_at_a_time == SIDE_BY_SIDE


async def test_a_query_that_fails_is_a_failure_of_its_pods_alone() -> None:
    prometheus = Scripted(PrometheusError("It hangs."), RECORDED)
    found = await source(prometheus).scrape([*pods(500, "a"), pod("once")])
    assert found["uid-a-0"] == ScrapeFailure(message="It hangs.")
    assert isinstance(found["uid-once"], Scrape)


async def test_an_old_sample_is_a_failure() -> None:
    found = await source(Scripted(RECORDED), NOW + timedelta(minutes=1)).scrape([pod("once")])
    assert isinstance(found["uid-once"], ScrapeFailure)


async def test_trouble_is_logged_when_it_comes_changes_and_goes() -> None:
    down, warned = PrometheusError("It is down."), Answer(series=(), warnings=("store b",))
    reading = source(Scripted(down, down, warned, EMPTY, EMPTY))
    with capture_logs() as logs:
        for _ in range(5):
            await reading.scrape([pod("once")])
    assert [(each["event"], each.get("error")) for each in logs] == [
        ("prometheus is in trouble", "It is down."),
        ("prometheus is in trouble", "store b"),
        ("prometheus answers again", None),
    ]


def test_the_recorded_answer_is_of_the_time_that_tests_take_for_now() -> None:
    assert {each.points[0].at for each in RECORDED.series} == {NOW.timestamp()}
    assert datetime(2026, 11, 28, 4, 24, 2, 461000, tzinfo=UTC) == NOW
