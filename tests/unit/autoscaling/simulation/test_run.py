"""A trace against several policies: same requests for all, same results for the same seed."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from tests.unit.autoscaling.simulation.settings import BRISK as SETTING
from trifocal.autoscaling.balancing import Balancing
from trifocal.autoscaling.simulation.policy import Pods, Policy, Setting, Telemetry
from trifocal.autoscaling.simulation.result import PolicyResult
from trifocal.autoscaling.simulation.run import draw_all, run_policy
from trifocal.autoscaling.simulation.trace import Trace

TRACE = Trace(
    jobs={"a": np.array([600.0, 2400.0, 1200.0]), "b": np.array([60.0, 0.0, 60.0])},
    step_seconds=60,
)


class Fixed:
    period_seconds = 15.0

    def __init__(self, replicas: int) -> None:
        self.replicas = replicas

    def decide(self, now: float, pods: Pods, telemetry: Telemetry) -> int:  # noqa: ARG002 - a policy's arguments
        return self.replicas


class Greedy:
    """As many as would have been busy in the last 15 s, and one."""

    period_seconds = 5.0

    def decide(self, now: float, pods: Pods, telemetry: Telemetry) -> int:  # noqa: ARG002 - a policy's arguments
        return 1 + round(telemetry.arrived(now - 15, now) / 15 * 0.1)


def played(name: str, policy: Policy, setting: Setting = SETTING, seed: int = 7) -> PolicyResult:
    """For policies that remember nothing, so that both jobs can have the same."""
    return run_policy(name, draw_all(TRACE, seed), setting, lambda _: policy)


def test_every_policy_meets_the_same_requests() -> None:
    few, many = (played(name, Fixed(pods)) for name, pods in (("few", 1), ("many", 9)))
    assert [result.policy for result in (few, many)] == ["few", "many"]
    for result in (few, many):
        assert {job.job: job.requests for job in result.jobs} == {
            "a": (600, 2400, 1200),
            "b": (60, 0, 60),
        }
        assert result.minutes == 6


def test_pods_that_are_there_all_the_time_cost_their_time() -> None:
    """Two jobs for 3 min: 9 pods each, the first minute's 1 at the start and the rest ordered."""
    result = played("many", Fixed(9))
    assert result.replica_hours == pytest.approx(2 * 9 * 3 / 60)
    assert result.peak_replicas == 18
    assert result.scale_events == 2


def test_more_pods_are_never_later() -> None:
    loads = draw_all(TRACE, 7)

    def late_with(replicas: int) -> float:
        return run_policy("fixed", loads, SETTING, lambda _: Fixed(replicas)).late_fraction

    late = [late_with(replicas) for replicas in range(1, 8)]
    assert all(more <= fewer for fewer, more in pairwise(late))
    assert late[0] > 0.3
    assert late[-1] < 0.15


def test_a_policy_may_differ_from_job_to_job() -> None:
    replicas = {"a": 6, "b": 2}
    result = run_policy(
        "sized", draw_all(TRACE, 7), SETTING, lambda job: Fixed(replicas[job]), initial=replicas
    )
    assert result.scale_events == 0
    assert result.replica_hours == pytest.approx(8 * 3 / 60)
    assert result.bad_minutes == 0


@pytest.mark.parametrize("balancing", ["shared", "blind"])
def test_the_same_seed_gives_the_same_result(balancing: Balancing) -> None:
    setting = replace(SETTING, balancing=balancing)
    first, same, other = (played("greedy", Greedy(), setting, seed) for seed in (7, 7, 8))
    assert first == same
    assert first != other
