"""What was measured, in a few lines. Pure."""

from collections.abc import Iterator

from trifocal.cli.benchmark.measuring import Measured
from trifocal.cli.benchmark.summary import Judgement, Verdict

LATE_MILLISECONDS = 5.0
"""A sender that is later than this, in one of a hundred requests, is told of."""


def lines(found: Measured) -> Iterator[str]:
    """The whole answer."""
    summary, plan = found.summary, found.plan
    where = f"at {found.address}" if found.address else f"to {_count(found.pods or 0, 'pod')}"
    yield (
        f"{found.name} in namespace {found.namespace}: {_count(summary.requests, 'request')} "
        f"{where} by {plan.protocol}, {plan.rate:g} a second ({plan.arrivals}), "
        f"inputs {found.inputs}"
    )
    answered = summary.requests - summary.failed
    yield f"  answers    {answered}, {summary.answers_per_second:.1f} a second"
    yield f"  failures   {summary.failed}"
    for words, times in summary.failures.items():
        yield f"             {times} x {words}"
    figures = (f"{p} {ms:.1f} ms" for p, ms in summary.latency_milliseconds.items())
    yield f"  latency    {', '.join(figures) or 'none was answered'}"
    yield f"  objective  {told(summary.objective)}"
    yield f"  the way    {found.way_milliseconds:.1f} ms there and back, without an inference"


def warnings(found: Measured) -> Iterator[str]:
    """What makes the figures worse than the model."""
    if found.address is None:
        yield (
            "Requests went through the API server and a kubelet, which adds latency that clients "
            "in the cluster do not have; run it there with --address to be exact."
        )
    late = found.summary.late_milliseconds
    if late > LATE_MILLISECONDS:
        yield f"This machine sent requests up to {late:.1f} ms late (p99); that is in the figures."


def told(judgement: Judgement) -> str:
    """Whether it would hold, in a sentence."""
    limit = judgement.limit
    if limit is None:
        return "not set (spec.scaling)"
    wanted = f"p{limit.percentile} of at most {limit.milliseconds:g} ms"
    return f"{wanted} {judgement.verdict}: {_why(judgement)}"


def _why(judgement: Judgement) -> str:
    low = "0" if judgement.low is None else f"{judgement.low:.1f}"
    if judgement.high is not None:
        return f"it lies between {low} and {judgement.high:.1f} ms with 95 % confidence"
    if judgement.verdict is Verdict.UNTOLD:
        return f"it is at least {low} ms; it takes {judgement.enough} requests, and few failures"
    return f"it is at least {low} ms with 95 % confidence"


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
