"""Bad minutes, late requests, replica-hours and peaks, counted by hand."""

from collections.abc import Sequence
from dataclasses import replace
from math import inf

import numpy as np
import pytest

from tests.unit.autoscaling.simulation.settings import FARO
from trifocal.autoscaling.simulation.arrivals import Load
from trifocal.autoscaling.simulation.engine import Outcome
from trifocal.autoscaling.simulation.policy import Setting
from trifocal.autoscaling.simulation.queues import Pod
from trifocal.autoscaling.simulation.result import JobResult, job_result, policy_result

SETTING = replace(FARO, fixed_seconds=0.1, objective_seconds=0.5)


def pod(ordered: float, ready: float, left: float = inf, removed: float = inf) -> Pod:
    return Pod(number=0, ordered_at=ordered, ready_at=ready, left_at=left, removed_at=removed)


def judged(
    requests: Sequence[tuple[float, float | None]],
    *,
    seconds: float = 120,
    pods: Sequence[Pod] = (),
    orders: Sequence[tuple[float, int]] = ((0, 1),),
    setting: Setting = SETTING,
) -> JobResult:
    """The result for requests with their arrival and latency; None for one without an answer."""
    arrivals = np.array(sorted(came for came, _ in requests))
    answered = [(came, latency) for came, latency in requests if latency is not None]
    outcome = Outcome(
        load=Load(arrivals=arrivals, choices=arrivals * 0, seconds=seconds),
        pods=tuple(pods),
        orders=tuple(orders),
        came=np.array([came for came, _ in answered]),
        latency=np.array([latency for _, latency in answered]),
    )
    return job_result("job", outcome, setting)


def minute(start: float, requests: int, late: int) -> list[tuple[float, float]]:
    return [(start + n / requests, 0.6 if n < late else 0.4) for n in range(requests)]


def test_a_minute_is_bad_when_more_than_one_percent_of_its_requests_are_late() -> None:
    """99 % of 300 may be late by 3: 3 are allowed and 4 are not."""
    result = judged([*minute(0, 300, 3), *minute(60, 300, 4)])
    assert result.requests == (300, 300)
    assert result.late == (3, 4)
    assert result.bad == (False, True)


def test_one_late_request_of_a_thousand_is_allowed_at_99_9_percent() -> None:
    setting = replace(SETTING, percentile=99.9)
    assert judged([*minute(0, 1000, 1)], seconds=60, setting=setting).bad == (False,)
    assert judged([*minute(0, 1000, 2)], seconds=60, setting=setting).bad == (True,)
    assert judged([*minute(0, 999, 1)], seconds=60, setting=setting).bad == (True,)


def test_a_request_counts_for_the_minute_in_which_it_came() -> None:
    assert judged([(59.9, 10.0), (60.0, 0.1)]).bad == (True, False)


def test_a_latency_of_exactly_the_objective_is_kept_in_spite_of_rounding() -> None:
    assert judged([(0.0, (21_600.1 + 0.5) - 21_600.1)]).late == (0, 0)
    assert judged([(0.0, 0.50001)]).late == (1, 0)


def test_minutes_without_requests_are_good_and_counted() -> None:
    result = judged([(0.0, 1.0)], seconds=180)
    assert result.bad == (True, False, False)


def test_a_request_without_an_answer_is_late() -> None:
    result = judged([(0.0, 0.1), (61.0, None)])
    assert result.late == (0, 1)
    assert result.unanswered == 1


def test_a_last_minute_may_be_shorter() -> None:
    result = judged([(0.0, 0.1)], seconds=90, pods=[pod(0, 0), pod(60, 75)])
    assert result.requests == (1, 0)
    assert result.ordered == pytest.approx((1, 2))
    assert result.ready == pytest.approx((1, 1.5))


def test_sevenths_of_minutes_make_no_minute_more() -> None:
    assert len(judged([], seconds=60 / 7 * 7 * (1 + 1e-15)).bad) == 1


def test_replica_hours_run_from_order_to_removal_within_the_trace() -> None:
    """1 h in all; 10 s from order to cancellation; 100 s with the drain, and 50 s at the end."""
    pods = [
        pod(0, 0),
        pod(100, 130, left=110, removed=110),
        pod(200, 230, left=290, removed=300),
        pod(3550, 3580),
        pod(3700, 3730),
    ]
    result = judged([], seconds=3600, pods=pods)
    assert result.replica_hours == pytest.approx((3600 + 10 + 100 + 50) / 3600)
    assert result.ready[3] == pytest.approx(1 + 10 / 60)
    assert result.ready[4] == pytest.approx(1 + 50 / 60)
    assert result.ordered[1] == pytest.approx(1 + 10 / 60)


def test_scale_events_are_changes_within_the_trace() -> None:
    result = judged([], seconds=120, orders=[(0, 1), (0, 3), (60, 2), (120, 1)])
    assert result.scale_events == 2
    assert result.changes == ((0, 1), (0, 3), (60, 2))


def test_the_peak_is_of_all_jobs_at_one_time() -> None:
    """4 + 1, then 2 + 1, then 2 + 4: never 4 + 4. Two changes at the same time are one moment."""
    first = judged(minute(0, 100, 2), orders=[(0, 4), (30, 2)], pods=[pod(0, 0)])
    second = judged(minute(0, 300, 0), orders=[(0, 1), (60, 4)])
    result = policy_result("keda", [first, second])
    assert result.peak_replicas == 6
    assert (result.bad_minutes, result.minutes) == (1, 4)
    assert result.late_fraction == pytest.approx(2 / 400)
    assert result.scale_events == 2
    assert result.replica_hours == pytest.approx(120 / 3600)
    swapped = judged([], orders=[(0, 1), (30, 3)])
    assert policy_result("swap", [first, swapped]).peak_replicas == 5


def test_no_requests_are_none_late() -> None:
    assert policy_result("static", [judged([])]).late_fraction == 0
