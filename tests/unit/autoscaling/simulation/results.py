"""Results as `run_policy` makes them, for what only reads them."""

from trifocal.autoscaling.simulation.result import JobResult, PolicyResult, policy_result


def job(
    requests: tuple[int, ...] = (60, 120), late: tuple[int, ...] = (0, 3), replicas: int = 2
) -> JobResult:
    """A job with that many replicas all the time; more than 1 % late is bad."""
    minutes = len(requests)
    return JobResult(
        job="a",
        requests=requests,
        late=late,
        bad=tuple(100 * n > all_ for n, all_ in zip(late, requests, strict=True)),
        ordered=(float(replicas),) * minutes,
        ready=(float(replicas),) * minutes,
        replica_hours=replicas * minutes / 60,
        changes=((0.0, replicas),),
        unanswered=0,
    )


def result(policy: str, *jobs: JobResult) -> PolicyResult:
    """One policy on these jobs, or on one like above."""
    return policy_result(policy, jobs or (job(),))
