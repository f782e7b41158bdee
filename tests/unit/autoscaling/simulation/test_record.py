"""Telemetry against its definition, summed over every execution; and it never knows the future."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trifocal.autoscaling.simulation.executions import Executions
from trifocal.autoscaling.simulation.record import Record

# One pod, two requests at a time: 10 s for one, 14 s for two; requests at 0, 3, 5, 6 and 40 s.
ARRIVALS = [0.0, 3.0, 5.0, 6.0, 40.0]
EXECUTIONS: list[tuple[float, float, list[float]]] = [
    (10.0, 0.0, [0.0]),
    (24.0, 10.0, [3.0, 5.0]),
    (34.0, 24.0, [6.0]),
    (50.0, 40.0, [40.0]),
]


def executions(*given: tuple[float, float, list[float]]) -> Executions:
    """Of (end, start, when the requests had come)."""
    return Executions(
        start=np.array([start for _, start, _ in given]),
        end=np.array([end for end, _, _ in given]),
        sizes=np.array([len(batch) for _, _, batch in given], dtype=np.int64),
        came=np.array([came for _, _, batch in given for came in batch]),
    )


def record_at(now: float, step: float = 1.0) -> Record:
    """The record at `now`, after passes every `step` seconds."""
    record = Record(np.array(ARRIVALS))
    record.pods(readied=[0.0])
    passed = 0.0
    while passed < now:
        before, passed = passed, min(passed + step, now)
        record.advance(passed, executions(*(e for e in EXECUTIONS if before <= e[1] < passed)))
    return record


def test_requests_are_counted_when_they_come_and_when_they_are_answered() -> None:
    record = record_at(60)
    assert record.arrived(0, 5) == 2
    assert record.arrived(0, 60) == 5
    assert record.answered(10, 24) == 1
    assert record.answered(10, 25) == 3
    assert record.executions(10, 25) == 2


def test_what_waits_has_come_and_has_not_started() -> None:
    record = record_at(60)
    assert [record.waiting(at) for at in (0, 3.5, 7, 10.5, 24.5, 45)] == [0, 1, 3, 1, 0, 0]


def test_busy_time_is_the_part_of_executions_in_the_window() -> None:
    """One pod executes from 0 to 34 and from 40 to 50."""
    record = record_at(60)
    assert record.busy_seconds(0, 60) == pytest.approx(44)
    assert record.busy_seconds(30, 45) == pytest.approx(4 + 5)
    assert record.busy_seconds(35, 39) == 0
    assert record.ready_seconds(30, 45) == pytest.approx(15)


def test_ready_time_ends_when_a_pod_leaves() -> None:
    record = record_at(60)
    record.pods(readied=[20.0, 20.0], left=[50.0])
    assert record.ready_seconds(0, 60) == pytest.approx(60 + 2 * 40 - 10)


def test_the_mean_number_in_the_system_is_the_sum_of_their_times_in_it() -> None:
    """Little: latencies 10 + 21 + 19 + 28 + 10 over 60 s."""
    assert record_at(60).in_system(0, 60) == pytest.approx(88 / 60)
    assert record_at(60).in_system(40, 50) == pytest.approx(1)
    assert record_at(60).in_system(50, 50) == 0


def test_a_percentile_is_the_smallest_latency_that_enough_answers_keep() -> None:
    """Sorted: 10, 10, 19, 21, 28 s."""
    record = record_at(60)
    expected = {1: 10, 40: 10, 41: 19, 60: 19, 80: 21, 80.1: 28, 100: 28}
    assert {p: record.latency(p, 0, 60) for p in expected} == pytest.approx(expected)
    assert record.mean_latency(0, 60) == pytest.approx(88 / 5)
    assert record.latency(50, 35, 50) is None
    assert record.mean_latency(35, 50) is None


def test_999_of_1000_answers_keep_the_percentile_99_9() -> None:
    """99.9 / 100 * 1000 is above 999 in floating point."""
    record = Record(np.zeros(1000))
    record.advance(2000, executions(*((float(n), 0.0, [0.0]) for n in range(1, 1001))))
    assert record.latency(99.9, 0, 2000) == 999


def test_an_execution_that_runs_is_busy_but_not_answered() -> None:
    record = record_at(20)
    assert record.answered(0, 20) == 1
    assert record.busy_seconds(0, 20) == pytest.approx(20)
    assert record.latency(100, 0, 20) == 10


def test_before_the_trace_nothing_happened() -> None:
    assert record_at(10).arrived(-60, 4) == 2
    assert record_at(10).in_system(-60, 10) == pytest.approx((10 + 7 + 5 + 4) / 10)


def answers(record: Record, since: float, until: float) -> tuple[float | None, ...]:
    return (
        record.arrived(since, until),
        record.answered(since, until),
        record.executions(since, until),
        record.busy_seconds(since, until),
        record.ready_seconds(since, until),
        record.in_system(since, until),
        record.latency(50, since, until),
        record.mean_latency(since, until),
        record.waiting(until),
    )


@settings(deadline=None, max_examples=50)
@given(
    now=st.floats(0, 60),
    since=st.floats(-10, 70),
    length=st.floats(0, 70),
    step=st.floats(0.5, 20),
)
def test_the_future_changes_no_answer(now: float, since: float, length: float, step: float) -> None:
    """What was known at `now` about a window is what the finished record says of its past part."""
    until = since + length
    known = answers(record_at(now, step), since, until)
    assert known == answers(record_at(now, step), min(since, now), min(until, now))
    past = (min(max(since, 0), now), max(min(until, now), 0))
    assert known == pytest.approx(answers(record_at(60, 60), *past))


@settings(deadline=None, max_examples=50)
@given(since=st.floats(0, 60), length=st.floats(0.1, 60))
def test_windows_agree_with_a_sum_over_all_executions(since: float, length: float) -> None:
    until = min(since + length, 60)
    record = record_at(60)
    overlap = sum(max(0, min(end, until) - max(start, since)) for end, start, _ in EXECUTIONS)
    assert record.busy_seconds(since, until) == pytest.approx(overlap)
    inside = [end - came for end, _, batch in EXECUTIONS for came in batch if since <= end < until]
    assert record.answered(since, until) == len(inside)
    for percentile in (1, 50, 99):
        expected = sorted(inside)[math.ceil(len(inside) * percentile / 100) - 1] if inside else None
        assert record.latency(percentile, since, until) == expected
