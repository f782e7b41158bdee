"""The load: every failure counted, latency from when a request was due, an end that loses none."""

import asyncio

import pytest

from hack.load.background import BackgroundLoad
from hack.load.generator import give
from hack.load.plan import LoadPlan, Target
from hack.load.report import Sample

TARGET = Target(url="nowhere:1", protocol="http", model="m", input="x", shape=(1,))


class Connection:
    """Answers at once, except for the requests that it was told to fail."""

    def __init__(self, *, failing: frozenset[int] = frozenset(), hangs: bool = False) -> None:
        self.asked = 0
        self.closed = False
        self._failing = failing
        self._hangs = hangs

    async def ask(self) -> None:
        self.asked += 1
        if self._hangs:
            await asyncio.Event().wait()
        await asyncio.sleep(0)  # gives way, as any request does
        if self.asked in self._failing:
            raise ConnectionResetError("peer")

    async def close(self) -> None:
        self.closed = True


async def _samples(plan: LoadPlan, connections: list[Connection], count: int) -> list[Sample]:
    """The samples of a load that is stopped after `count` of them."""
    stop = asyncio.Event()
    samples: list[Sample] = []

    def observe(sample: Sample) -> None:
        samples.append(sample)
        if len(samples) == count:
            stop.set()

    free = iter(connections)
    await give(plan, lambda: next(free), observe, stop)
    return samples


async def test_every_connection_asks_again_as_soon_as_it_has_its_answer() -> None:
    connections = [Connection(), Connection()]
    await _samples(LoadPlan(target=TARGET, connections=2), connections, 10)
    assert [c.asked >= 5 for c in connections] == [True, True]


async def test_any_exception_is_a_failure_with_its_words_and_the_load_goes_on() -> None:
    plan = LoadPlan(target=TARGET, connections=1)
    samples = await _samples(plan, [Connection(failing=frozenset({2}))], 3)
    assert [s.failure for s in samples] == [None, "ConnectionResetError: peer", None]


async def test_no_answer_in_time_is_a_failure() -> None:
    plan = LoadPlan(target=TARGET, connections=1, request_timeout_seconds=0.0)
    samples = await _samples(plan, [Connection(hangs=True)], 1)
    assert samples[0].failure == "TimeoutError: no answer within 0 s"


async def test_requests_under_way_at_the_end_are_observed_and_connections_closed() -> None:
    connections = [Connection(), Connection(), Connection()]
    samples = await _samples(LoadPlan(target=TARGET, connections=3), connections, 1)
    assert len(samples) == sum(c.asked for c in connections)
    assert all(c.closed for c in connections)


async def test_with_a_rate_requests_are_due_at_even_times_whenever_they_are_sent() -> None:
    plan = LoadPlan(target=TARGET, connections=2, rate=1000.0)
    samples = await _samples(plan, [Connection(), Connection()], 4)
    # Whose turn came last may not have been answered yet, so one may be missing in between.
    numbers = [1000 * s.due for s in samples]
    assert numbers == pytest.approx([round(number) for number in numbers])
    assert len(set(map(round, numbers))) == len(numbers)
    assert all(s.ended >= s.due for s in samples)


async def test_a_load_that_waits_for_the_next_due_request_ends_at_once() -> None:
    plan = LoadPlan(target=TARGET, connections=1, rate=1 / 3600)
    assert len(await _samples(plan, [Connection()], 1)) == 1


def test_a_background_load_reports_while_it_runs_and_after() -> None:
    running = BackgroundLoad(LoadPlan(target=TARGET, connections=1), connect=Connection)
    report = running.stop()
    assert report.failures == ()
    assert running.stop() == running.report()


def test_what_breaks_the_load_itself_is_raised() -> None:
    def connect() -> Connection:
        raise RuntimeError("no client")

    running = BackgroundLoad(LoadPlan(target=TARGET, connections=1), connect=connect)
    with pytest.raises(ExceptionGroup) as caught:
        running.stop()
    assert caught.group_contains(RuntimeError, match="no client")
