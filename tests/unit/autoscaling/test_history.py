"""The window of needs, against a plain list of all of them."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from trifocal.autoscaling.history import History, seeded

START = datetime(2026, 1, 1, tzinfo=UTC)


def after(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


HOLD = timedelta(seconds=300)


def test_the_largest_need_is_remembered_until_the_hold_has_passed() -> None:
    history = seeded(1, START).record(5, after(10), HOLD).record(2, after(20), HOLD)
    assert history.record(1, after(309), HOLD).most_needed() == 5
    assert history.record(1, after(310), HOLD).most_needed() == 2
    assert history.record(1, after(320), HOLD).most_needed() == 1


def test_what_runs_at_the_first_sight_counts_as_needed_for_a_whole_hold() -> None:
    history = seeded(7, START)
    assert history.record(1, after(299), HOLD).most_needed() == 7
    assert history.record(1, after(300), HOLD).most_needed() == 1


def test_without_a_hold_only_the_present_need_counts() -> None:
    assert seeded(7, START).record(2, after(1), timedelta(0)).most_needed() == 2


def test_what_was_foreseen_is_held_for_a_time_of_its_own() -> None:
    short = timedelta(seconds=40)
    history = seeded(1, START).record(2, after(10), HOLD).foresee(5, after(10), short)
    assert history.most_needed() == 5
    assert history.foresee(3, after(49), short).most_needed() == 5
    assert history.foresee(1, after(50), short).most_needed() == 2


def test_an_empty_history_needs_nothing() -> None:
    assert History().most_needed() == 0


@given(steps=st.lists(st.tuples(st.integers(1, 120), st.integers(1, 9)), min_size=1, max_size=60))
def test_it_answers_as_a_list_of_all_needs_would_and_stays_small(
    steps: list[tuple[int, int]],
) -> None:
    history, everything, now = History(), [], START
    for seconds, replicas in steps:
        now += timedelta(seconds=seconds)
        history = history.record(replicas, now, HOLD)
        everything.append((now, replicas))
        assert history.most_needed() == max(r for at, r in everything if at > now - HOLD)
        assert len(history.needs) <= 9
