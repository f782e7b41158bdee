"""CPU time of a policy's decisions, the questions to the record included."""

import time
from dataclasses import dataclass

from benchmarks.autoscaling.cases import Case
from trifocal.autoscaling.simulation.engine import simulate
from trifocal.autoscaling.simulation.policy import Pods, Policy, Telemetry
from trifocal.autoscaling.simulation.run import draw_all
from trifocal.cli.simulate.line_up import contestant


@dataclass(frozen=True, kw_only=True)
class Spent:
    """On all decisions about one job."""

    decisions: int
    mean_seconds: float
    slowest_seconds: float


class Timed:
    """A policy under the clock of its thread, which stands still while others run."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self.period_seconds = policy.period_seconds
        self.spent: list[float] = []

    def decide(self, now: float, pods: Pods, telemetry: Telemetry) -> int:
        """What the policy says."""
        begin = time.thread_time()
        replicas = self._policy.decide(now, pods, telemetry)
        self.spent.append(time.thread_time() - begin)
        return replicas


def time_decisions(case: Case, policy: str) -> Spent:
    """Plays the case's first job."""
    job, load = next(iter(draw_all(case.trace, case.seed).items()))
    one = contestant(policy, case.trace, case.setting)
    timed = Timed(one.make(job))
    simulate(load, case.setting, timed, one.initial.get(job))
    return Spent(
        decisions=len(timed.spent),
        mean_seconds=sum(timed.spent) / len(timed.spent),
        slowest_seconds=max(timed.spent),
    )
