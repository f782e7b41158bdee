"""The judge of the benchmark on the cluster: what was late, when, and what it cost."""

import math

import pytest
from benchmarks.cluster.adapter import Gateway
from benchmarks.cluster.fleet import Count, LeastRequest, Member
from benchmarks.cluster.judging import (
    bad_minutes,
    cold_starts,
    is_starting,
    judge,
    nearest_rank,
    replica_seconds,
)

from trifocal.cli.benchmark.open_loop import Answer

OBJECTIVE = 0.72


def answer(due: float, latency: float, failure: str | None = None) -> Answer:
    """Sent as soon as it was due."""
    return Answer(due, due, due + latency, failure)


COUNTS = (Count(-1.0, 1, 1), Count(30.0, 2, 1), Count(50.0, 2, 2), Count(90.0, 1, 1))
"""A second pod is ordered at 30 s, serves from 50 s on, and goes at 90 s."""


def test_one_late_request_of_a_hundred_is_allowed_and_two_are_a_bad_minute() -> None:
    first = [answer(i / 2, 0.2 + (i == 7)) for i in range(100)]
    second = [answer(60 + i / 2, 0.2 + (i in {7, 8})) for i in range(100)]
    assert bad_minutes([*first, *second], OBJECTIVE, 120.0) == (False, True)


def test_a_request_counts_for_the_minute_in_which_it_was_due() -> None:
    assert bad_minutes([answer(59.9, 30.0), answer(61.0, 0.1)], OBJECTIVE, 120.0) == (True, False)


def test_a_failure_is_late_however_fast_it_was() -> None:
    judged = judge([answer(1.0, 0.01, "503"), answer(2.0, 0.2)], COUNTS, OBJECTIVE, 120.0)
    assert (judged.failed, judged.late, judged.late_share) == (1, 1, 0.5)
    assert judged.p99 == math.inf


def test_cold_starts_are_told_apart_from_settled_states() -> None:
    answers = [answer(at, 1.0) for at in (10.0, 40.0, 49.9, 50.0, 100.0)]
    judged = judge(answers, COUNTS, OBJECTIVE, 120.0)
    assert [is_starting(COUNTS, one.due) for one in answers] == [False, True, True, False, False]
    assert (judged.settled_requests, judged.settled_late) == (3, 3)
    assert cold_starts(COUNTS) == [20.0]


def test_replica_seconds_are_those_of_ordered_pods_within_the_load() -> None:
    # 30 s of one, 60 s of two, 30 s of one.
    assert replica_seconds(COUNTS, 120.0) == pytest.approx(180.0)


def test_the_nearest_rank_is_a_measured_value() -> None:
    assert nearest_rank([float(n) for n in range(1, 201)], 99) == 198.0


def test_the_gateway_knows_the_last_minute_that_was_scraped() -> None:
    # One request each second; at 100 s the last scrape was at 90 s.
    gateway = Gateway(clock=lambda: 100.0, came=[float(n) for n in range(100)])
    assert gateway.requests_per_second() == pytest.approx(1.0)


def test_the_gateway_knows_nothing_before_its_first_scrape() -> None:
    assert Gateway(clock=lambda: 14.9, came=[1.0, 2.0]).requests_per_second() == 0.0


def test_least_request_sends_to_the_pod_with_the_least_in_work() -> None:
    member = Member(name="one", addresses=("a", "b"))
    balancer = LeastRequest(member, 1)
    with balancer.pick() as first, balancer.pick() as second:
        assert {first, second} == {"a:8000", "b:8000"}
    member.addresses = ("c",)
    with balancer.pick() as third:
        assert third == "c:8000"
