"""The adapter from telemetry to signal by hand, and the policy in the engine on small loads."""

from dataclasses import replace
from itertools import groupby, pairwise

import numpy as np
import pytest

from tests.unit.autoscaling.simulation.settings import BRISK as SETTING
from trifocal.autoscaling.reason import ScaleReason
from trifocal.autoscaling.simulation.lost import Lost
from trifocal.autoscaling.simulation.policy import Pods, Setting
from trifocal.autoscaling.simulation.result import JobResult
from trifocal.autoscaling.simulation.run import draw_all, run_policy
from trifocal.autoscaling.simulation.trace import Trace
from trifocal.autoscaling.simulation.trifocal_policy import Trifocal


class Steady:
    """The telemetry of 20 requests/s that each take 0.1 s, after 0.05 s in the queue."""

    def arrived(self, since: float, until: float) -> int:
        return round(20 * (until - since))

    answered = executions = arrived

    def busy_seconds(self, since: float, until: float) -> float:
        return 0.1 * self.answered(since, until)

    def ready_seconds(self, since: float, until: float) -> float:
        return 4 * (until - since)

    def in_system(self, since: float, until: float) -> float:  # noqa: ARG002 - steady
        return 3.0

    def waiting(self, at: float) -> int:  # noqa: ARG002 - steady
        return 1

    def latency(self, percentile: float, since: float, until: float) -> float | None:  # noqa: ARG002
        return 0.3

    def mean_latency(self, since: float, until: float) -> float | None:  # noqa: ARG002 - steady
        return 0.15


def played(*requests_per_minute: float, setting: Setting = SETTING) -> JobResult:
    trace = Trace(jobs={"a": np.array(requests_per_minute)}, step_seconds=60)
    return run_policy("trifocal", draw_all(trace, 7), setting, lambda _: Trifocal(setting)).jobs[0]


def turns(result: JobResult) -> int:
    """How often the ordered number changed its direction after five minutes to settle."""
    steps = [b > a for (_, a), (at, b) in pairwise(result.changes) if at >= 300]
    return len(list(groupby(steps))) - 1


def test_it_decides_at_each_scrape() -> None:
    assert Trifocal(SETTING).period_seconds == 5.0


def test_nothing_is_known_before_two_scrapes_or_without_a_ready_pod() -> None:
    policy = Trifocal(SETTING)
    assert policy.decide(0.0, Pods(ordered=3, ready=3), Steady()) == 3
    assert policy.last
    assert policy.last.reason == ScaleReason.NO_METRICS
    assert policy.decide(5.0, Pods(ordered=3, ready=0), Steady()) == 3
    assert policy.last.reason == ScaleReason.NO_READY_PODS


def test_the_decision_gets_what_the_scaler_would_measure() -> None:
    """2 Erlang; M/D/3 and M/D/4 keep 0.4 s at p99, and a tenth of the misses takes 4."""
    policy = Trifocal(SETTING)
    for step in range(3):
        replicas = policy.decide(60 + 5.0 * step, Pods(ordered=4, ready=4), Steady())
    assert replicas == 4
    assert policy.last
    assert policy.last.requests_per_second == 20
    assert policy.last.service_milliseconds == pytest.approx(100)
    assert policy.last.latency_milliseconds == pytest.approx(300)


def test_a_steady_load_is_kept_in_time() -> None:
    result = played(*[1200] * 20)
    assert sum(result.bad[1:]) == 0
    assert result.changes[-1][1] <= 4


def test_a_step_is_two_changes_of_direction_at_most() -> None:
    result = played(*[600] * 5, *[2400] * 15)
    assert turns(result) <= 2
    assert sum(result.bad[8:]) == 0


def test_a_spike_of_five_times_does_not_oscillate() -> None:
    result = played(*[600] * 5, 3000, *[600] * 14)
    assert turns(result) <= 2
    assert result.changes[-1][1] <= 3


def test_silence_ends_at_the_minimum_and_costs_no_miss_before() -> None:
    result = played(*[1200] * 3, *[0] * 12)
    assert sum(result.bad[2:]) == 0
    assert result.changes[-1][1] == 1


def test_a_surge_that_a_clock_starts_is_served_from_the_third_on() -> None:
    minutes = [2400.0 if minute % 15 == 14 else 600.0 for minute in range(75)]
    result = played(*minutes)
    assert [result.bad[14 + 15 * cycle] for cycle in (0, 3, 4)] == [True, False, False]


def test_batches_and_blind_balancing_are_told_to_the_decision() -> None:
    batching = replace(
        SETTING, fixed_seconds=0.05, item_seconds=0.01, max_batch=8, balancing="blind"
    )
    result = played(*[2400] * 15, setting=batching)
    assert sum(result.bad[3:]) == 0


def test_without_metrics_nothing_changes_and_then_a_whole_hold_is_watched() -> None:
    """The load falls to a quarter at 5 min, unseen from 4 to 15 min."""
    blind = replace(SETTING, lost=Lost(windows=((240, 900),)))
    result = played(*[2400] * 5, *[600] * 20, setting=blind)

    # For a rate's window after the last scrape there still is something to decide with.
    assert [at for at, _ in result.changes if 240 + 15 <= at < 900] == []
    downs = [at for (_, before), (at, after) in pairwise(result.changes) if after < before]
    assert min(at for at in downs if at >= 240) >= 900 + 300 - 15
    assert result.changes[-1][1] <= 3


def test_single_scrapes_that_fail_make_no_difference_to_a_steady_load() -> None:
    result = played(*[1200] * 10, setting=replace(SETTING, lost=Lost(share=0.2, seed=7)))
    assert sum(result.bad[1:]) == 0
    assert result.changes[-1][1] <= 5
