"""The work queue: once each, never twice at once, later and later after failures."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.fake_time import FakeTime
from trifocal.reconcile.queue import (
    BACKOFF_CAP_SECONDS,
    BACKOFF_FLOOR,
    QueueClosed,
    WorkQueue,
)

A, B = ("ns", "a"), ("ns", "b")


def queue(time: FakeTime, *, random: float = 0.5) -> WorkQueue:
    return WorkQueue(clock=time.monotonic, random=lambda: random)


def test_a_key_that_is_added_twice_is_handed_out_once() -> None:
    work = queue(FakeTime())
    work.add(A)
    work.add(A)
    assert (work.pop(), work.pop()) == (A, None)


def test_a_key_in_work_is_handed_out_again_only_when_it_is_done() -> None:
    work = queue(FakeTime())
    work.add(A)
    work.pop()
    work.add(A)
    assert work.pop() is None
    work.done(A)
    assert work.pop() == A


def test_a_key_that_was_not_added_meanwhile_rests_after_its_pass() -> None:
    work = queue(FakeTime())
    work.add(A)
    work.pop()
    work.done(A)
    assert work.pop() is None


def test_a_delayed_key_is_handed_out_when_its_time_has_come() -> None:
    time = FakeTime()
    work = queue(time)
    work.add_after(A, 10)
    time.pass_by(9.9)
    assert work.pop() is None
    time.pass_by(0.1)
    assert work.pop() == A


def test_the_earlier_of_two_times_counts_and_the_later_is_forgotten() -> None:
    time = FakeTime()
    work = queue(time)
    work.add_after(A, 600)
    work.add_after(A, 5)
    work.add_after(A, 300)
    time.pass_by(5)
    assert work.pop() == A
    work.done(A)
    time.pass_by(3600)
    assert work.pop() is None


def test_the_longest_waiting_key_comes_first() -> None:
    time = FakeTime()
    work = queue(time)
    work.add(B)
    time.pass_by(1)
    work.add(A)
    assert (work.pop(), work.pop()) == (B, A)


@pytest.mark.parametrize(
    ("failures", "bound"), [(1, 1.0), (2, 2.0), (3, 4.0), (9, 256.0), (10, 300.0), (100, 300.0)]
)
def test_the_wait_after_failures_doubles_up_to_five_minutes(failures: int, bound: float) -> None:
    time = FakeTime()
    work = queue(time, random=0.5)
    delay = 0.0
    for _ in range(failures):
        work.add(A)
        work.pop()
        delay = work.retry(A)
    assert delay == bound / 2


@pytest.mark.parametrize(("random", "share"), [(0.0, BACKOFF_FLOOR), (0.3, 0.3), (0.999, 0.999)])
def test_the_jitter_is_full_but_never_no_wait(random: float, share: float) -> None:
    work = queue(FakeTime(), random=random)
    work.add(A)
    work.pop()
    assert work.retry(A) == pytest.approx(share)


def test_success_forgets_earlier_failures() -> None:
    time = FakeTime()
    work = queue(time)
    for _ in range(5):
        work.add(A)
        work.pop()
        work.retry(A)
    time.pass_by(BACKOFF_CAP_SECONDS)
    assert work.pop() == A
    work.done(A)
    work.add(A)
    work.pop()
    assert work.retry(A) == 0.5


def test_a_wait_is_at_least_what_the_server_asked_for() -> None:
    work = queue(FakeTime())
    work.add(A)
    work.pop()
    assert work.retry(A, at_least=42.0) == 42.0


def test_a_change_of_the_object_cuts_the_back_off_short() -> None:
    work = queue(FakeTime())
    work.add(A)
    work.pop()
    work.retry(A, at_least=100.0)
    work.add(A)
    assert work.pop() == A


def test_failures_of_one_key_do_not_delay_another() -> None:
    work = queue(FakeTime())
    work.add(A)
    work.pop()
    work.retry(A)
    work.add(B)
    assert work.pop() == B


def test_depth_and_age_count_what_is_due() -> None:
    time = FakeTime()
    work = queue(time)
    work.add(A)
    work.add_after(B, 60)
    time.pass_by(7)
    assert (work.depth(), work.oldest_seconds()) == (1, 7.0)
    work.pop()
    assert (work.depth(), work.oldest_seconds(), work.in_work()) == (0, 0.0, 1)


async def test_get_hands_out_a_due_key() -> None:
    work = queue(FakeTime())
    work.add(A)
    assert await work.get() == A


async def test_a_waiting_worker_is_woken_by_a_key() -> None:
    work = queue(FakeTime())
    waiting = asyncio.create_task(work.get())
    await asyncio.sleep(0)
    work.add(A)
    assert await waiting == A


async def test_a_closed_queue_hands_out_nothing_and_ends_its_workers() -> None:
    work = queue(FakeTime())
    waiting = asyncio.create_task(work.get())
    await asyncio.sleep(0)
    work.add(A)
    work.close()
    with pytest.raises(QueueClosed):
        await waiting


async def test_a_closed_queue_is_drained_when_its_last_pass_has_ended() -> None:
    work = queue(FakeTime())
    work.add(A)
    work.add(B)
    work.pop()
    work.pop()
    work.close()
    draining = asyncio.create_task(work.drained())
    for key in (A, B):
        await asyncio.sleep(0)
        assert not draining.done()
        work.done(key)
    await draining


Step = st.one_of(
    st.tuples(st.just("add"), st.sampled_from("abc"), st.floats(0, 20)),
    st.tuples(st.just("pop"), st.just("a"), st.just(0.0)),
    st.tuples(st.just("done"), st.sampled_from("abc"), st.just(0.0)),
    st.tuples(st.just("retry"), st.sampled_from("abc"), st.just(0.0)),
    st.tuples(st.just("wait"), st.just("a"), st.floats(0, 20)),
)


@given(st.lists(Step, max_size=60))
def test_no_key_is_lost_and_none_is_in_work_twice(steps: list[tuple[str, str, float]]) -> None:
    time = FakeTime()
    work = queue(time)
    running: set[tuple[str, str]] = set()
    owed: set[tuple[str, str]] = set()
    for action, letter, seconds in steps:
        key = ("ns", letter)
        if action == "add":
            work.add_after(key, seconds)
            owed.add(key)
        elif action == "pop" and (found := work.pop()) is not None:
            assert found not in running
            running.add(found)
            owed.discard(found)
        elif action == "done" and key in running:
            running.discard(key)
            work.done(key)
        elif action == "retry" and key in running:
            running.discard(key)
            work.retry(key)
            owed.add(key)
        elif action == "wait":
            time.pass_by(seconds)
    for key in running:
        work.done(key)
    time.pass_by(BACKOFF_CAP_SECONDS + 20)
    left = set()
    while (found := work.pop()) is not None:
        left.add(found)
        work.done(found)
    assert left == owed


def test_the_longest_pass_is_known_while_others_come_and_go() -> None:
    time = FakeTime()
    work = queue(time)
    assert work.longest_pass() is None
    work.add(A)
    work.pop()
    time.pass_by(400)
    work.add(B)
    work.pop()
    assert work.longest_pass() == (A, 400)
    work.done(A)
    assert work.longest_pass() == (B, 0)


def test_a_queue_is_stuck_only_while_something_is_due_and_nothing_moves() -> None:
    time = FakeTime()
    work = queue(time)
    work.add_after(A, 1000)
    time.pass_by(900)
    assert work.stuck_seconds() == 0
    time.pass_by(400)
    assert work.stuck_seconds() == 300
    work.add(B)
    assert work.pop() == A
    assert work.stuck_seconds() == 0


def test_what_waited_for_workers_did_not_wait_for_a_stuck_queue() -> None:
    time = FakeTime()
    work = queue(time)
    work.add(A)
    time.pass_by(7200)
    work.begin()
    assert work.stuck_seconds() == 0
