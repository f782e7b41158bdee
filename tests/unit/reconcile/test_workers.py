"""Workers: what becomes of a pass that fails, and when an object is looked at again."""

import asyncio
from datetime import timedelta

import pytest

from tests.support.fake_time import FakeTime
from trifocal.kube.errors import Gone, Transient
from trifocal.kube.lease import LeadershipLost
from trifocal.reconcile.queue import TRANSIENT_CAP_SECONDS, Key, WorkQueue
from trifocal.reconcile.reconciler import GONE, Outcome
from trifocal.reconcile.workers import Workshop, work

KEY = ("ns", "pages")


class Passes:
    """A reconciler whose passes end as told."""

    def __init__(self, *ends: Outcome | Exception) -> None:
        self.ends = list(ends)
        self.made: list[Key] = []

    async def reconcile(self, key: Key) -> Outcome:
        self.made.append(key)
        end = self.ends.pop(0)
        if isinstance(end, Exception):
            raise end
        return end


async def run_out(passes: Passes, time: FakeTime) -> tuple[WorkQueue, list[str]]:
    """Let one worker make the scripted pass."""
    queue = WorkQueue(clock=time.monotonic, random=lambda: 0.5)
    outcomes: list[str] = []

    def note(outcome: str, _: float) -> None:
        outcomes.append(outcome)
        queue.close()

    shop = Workshop(
        queue=queue,
        reconciler=passes,
        resync_seconds=600.0,
        random=lambda: 0.5,
        on_pass=note,
    )
    queue.add(KEY)
    await work(shop)
    return queue, outcomes


def due_in(queue: WorkQueue, time: FakeTime) -> float | None:
    due = queue._due.get(KEY)
    return None if due is None else due - time.seconds


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        (Outcome(), 600.0),
        (Outcome(look_again=timedelta(seconds=3)), 3.0),
        (Outcome(look_again=timedelta(hours=3)), 600.0),
        (GONE, None),
    ],
)
async def test_when_an_object_is_looked_at_again(outcome: Outcome, expected: float | None) -> None:
    time = FakeTime()
    queue, outcomes = await run_out(Passes(outcome), time)
    assert due_in(queue, time) == expected
    assert outcomes == ["ok"]


@pytest.mark.parametrize(
    ("error", "outcome", "delay"),
    [
        (Transient("overloaded", 42.0), "transient", 42.0),
        (Transient("overloaded", 0.1), "transient", 0.5),
        (Gone("deleted meanwhile"), "transient", 0.5),
        (ZeroDivisionError(), "error", 0.5),
    ],
)
async def test_a_failed_pass_comes_back_after_back_off(
    error: Exception, outcome: str, delay: float
) -> None:
    time = FakeTime()
    queue, outcomes = await run_out(Passes(error), time)
    assert due_in(queue, time) == delay
    assert outcomes == [outcome]


async def test_a_refused_pass_backs_off_whatever_the_plan_says() -> None:
    time = FakeTime()
    outcome = Outcome(refused=True, look_again=timedelta(seconds=0.1))
    queue, outcomes = await run_out(Passes(outcome), time)
    assert due_in(queue, time) == 0.5
    assert outcomes == ["refused"]


async def test_an_api_server_in_trouble_for_long_does_not_keep_an_object_waiting_after_it() -> None:
    time = FakeTime()
    queue = WorkQueue(clock=time.monotonic, random=lambda: 1.0)
    waits = []
    for _ in range(20):
        queue.add(KEY)
        assert queue.pop() == KEY
        waits.append(queue.retry(KEY, at_most=TRANSIENT_CAP_SECONDS))
    assert waits == [1.0, 2.0, 4.0] + 17 * [8.0]


class Endless:
    """A reconciler whose passes never end."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()

    async def reconcile(self, _key: Key) -> Outcome:
        self.begun.set()
        await asyncio.Event().wait()
        raise AssertionError("unreachable")


def endless(
    queue: WorkQueue, passes: Endless, outcomes: list[str], *, pass_seconds: float
) -> Workshop:
    def note(outcome: str, _: float) -> None:
        outcomes.append(outcome)
        queue.close()

    return Workshop(
        queue=queue,
        reconciler=passes,
        resync_seconds=600.0,
        random=lambda: 0.5,
        on_pass=note,
        pass_seconds=pass_seconds,
    )


async def test_a_pass_that_does_not_end_is_broken_off_and_made_again() -> None:
    time = FakeTime()
    queue = WorkQueue(clock=time.monotonic, random=lambda: 0.5)
    outcomes: list[str] = []
    queue.add(KEY)
    await work(endless(queue, Endless(), outcomes, pass_seconds=0.0))
    assert outcomes == ["transient"]
    assert due_in(queue, time) == 0.5
    assert queue.longest_pass() is None


async def test_an_object_whose_worker_was_stopped_is_due_for_the_next_one() -> None:
    time = FakeTime()
    queue = WorkQueue(clock=time.monotonic, random=lambda: 0.5)
    queue.add(KEY)
    passes = Endless()
    worker = asyncio.create_task(work(endless(queue, passes, [], pass_seconds=600.0)))
    await passes.begun.wait()
    worker.cancel()
    await asyncio.wait({worker})
    assert queue.pop() == KEY


async def test_lost_leadership_ends_the_worker() -> None:
    with pytest.raises(LeadershipLost):
        await run_out(Passes(LeadershipLost()), FakeTime())
