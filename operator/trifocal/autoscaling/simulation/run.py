"""Plays a trace against policies: every job by itself, the same requests for each policy."""

from collections.abc import Callable, Mapping

from trifocal.autoscaling.simulation.arrivals import Load, draw
from trifocal.autoscaling.simulation.engine import simulate
from trifocal.autoscaling.simulation.policy import Policy, Setting
from trifocal.autoscaling.simulation.result import PolicyResult, job_result, policy_result
from trifocal.autoscaling.simulation.trace import Trace


def draw_all(trace: Trace, seed: int) -> dict[str, Load]:
    """The requests of each job of the trace."""
    return {job: draw(trace, job, seed) for job in trace.jobs}


def run_policy(
    name: str,
    loads: Mapping[str, Load],
    setting: Setting,
    make: Callable[[str], Policy],
    initial: Mapping[str, int] | None = None,
) -> PolicyResult:
    """Plays each job against a policy of its own.

    Args:
        name: The policy's, for the result.
        loads: The jobs' requests, by the name of the job.
        setting: What serves them.
        make: A fresh policy for the job of this name.
        initial: Pods that are ready at the start, for jobs that do not start with as many as the
            first minute's load keeps busy.
    """
    outcomes = {
        job: simulate(load, setting, make(job), (initial or {}).get(job))
        for job, load in loads.items()
    }
    return policy_result(
        name, [job_result(job, outcome, setting) for job, outcome in outcomes.items()]
    )
