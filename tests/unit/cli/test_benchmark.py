"""An open loop hides no waiting, and an objective is judged only where there is enough to tell."""

import asyncio
import math
from itertools import pairwise

import pytest

from trifocal.cli.benchmark.measuring import LoadPlan, Measured
from trifocal.cli.benchmark.open_loop import Answer, instants, send
from trifocal.cli.benchmark.summary import (
    Limit,
    Verdict,
    enough,
    interval,
    judged,
    nearest_rank,
    summed_up,
)
from trifocal.cli.benchmark.text import lines, told, warnings


def answers(*milliseconds: float, failure: str | None = None) -> list[Answer]:
    """One a second, each sent when it was due."""
    return [
        Answer(due=second, sent=second, ended=second + ms / 1000, failure=failure)
        for second, ms in enumerate(milliseconds)
    ]


async def test_no_request_waits_for_an_earlier_one() -> None:
    """The first is held until the third has been asked: in a closed loop neither would end."""
    asked, held = 0, asyncio.Event()

    async def ask() -> None:
        nonlocal asked
        asked += 1
        if asked == 3:
            held.set()
        await held.wait()

    began = asyncio.get_running_loop().time()
    found = await asyncio.wait_for(send((0.0, 0.0, 0.0), began, ask), 30)
    assert len(found) == 3


async def test_latency_counts_from_when_a_request_was_due() -> None:
    """A load that began an hour ago is an hour late, however fast the answer."""

    async def ask() -> str | None:
        return None

    began = asyncio.get_running_loop().time() - 3600
    (found,) = await send((0.0,), began, ask)
    assert found.latency >= 3600
    assert found.ended - found.sent < 3600


def test_constant_arrivals_are_evenly_spaced() -> None:
    assert instants("constant", 4, 1, 0) == (0.0, 0.25, 0.5, 0.75)
    assert instants("constant", 0.01, 1, 0) == ()


def test_poisson_arrivals_have_exponential_gaps() -> None:
    """Mean and standard deviation of an exponential distribution are both 1 / rate."""
    found = instants("poisson", 50, 400, 7)
    gaps = [b - a for a, b in pairwise(found)]
    mean = sum(gaps) / len(gaps)
    deviation = math.sqrt(sum((g - mean) ** 2 for g in gaps) / len(gaps))
    assert mean == pytest.approx(1 / 50, rel=0.03)
    assert deviation == pytest.approx(1 / 50, rel=0.03)
    assert 0 < found[0] < found[-1] < 400
    assert instants("poisson", 50, 400, 7) == found


@pytest.mark.parametrize(
    ("count", "percentile", "ranks"),
    [
        # P(1 <= B <= 5) of a fair coin's 6 throws is 62/64; of 5 throws 30/32 is not enough.
        (6, 50, (1, 6)),
        (5, 50, (None, None)),
        # 10 throws: P(B <= 1) = 11/1024, P(B <= 2) = 56/1024.
        (10, 50, (2, 9)),
        # 0.99^367 = 2.501 %, 0.99^368 = 2.476 %; of 368 with a chance of 1 % eight or more come
        # with 3.4 %, nine or more with 1.3 %, so the lower end is the ninth from above.
        (367, 99, (359, None)),
        (368, 99, (360, 368)),
    ],
)
def test_ranks_that_enclose_a_percentile(
    count: int, percentile: int, ranks: tuple[int | None, int | None]
) -> None:
    assert interval(count, percentile) == ranks


@pytest.mark.parametrize(("percentile", "least"), [(50, 6), (90, 36), (95, 72), (99, 368)])
def test_the_least_number_that_gives_an_upper_end(percentile: int, least: int) -> None:
    """0.9^35 = 2.503 %, 0.9^36 = 2.253 %; 0.95^71 = 2.62 %, 0.95^72 = 2.49 %."""
    assert enough(percentile) == least
    assert interval(least, percentile)[1] == least
    assert interval(least - 1, percentile)[1] is None


def test_percentiles_are_nearest_ranks() -> None:
    values = [float(n) for n in range(1, 201)]
    assert [nearest_rank(values, p) for p in (50, 95, 99)] == [100, 190, 198]


@pytest.mark.parametrize(
    ("limit", "verdict"), [(9.0, "holds"), (8.9, "cannot be told"), (1.9, "is missed")]
)
def test_an_objective_is_judged_by_the_interval(limit: float, verdict: str) -> None:
    """Of ten values the median lies between the second and the ninth."""
    found = judged([float(n) for n in range(1, 11)], Limit(percentile=50, milliseconds=limit))
    assert (found.verdict, found.low, found.high) == (verdict, 2.0, 9.0)


def test_a_request_that_failed_took_for_ever() -> None:
    found = summed_up(
        [*answers(*[1.0] * 4), *answers(*[1.0] * 6, failure="HTTP 503: full")],
        Limit(percentile=50, milliseconds=1000),
    )
    assert (found.requests, found.failed, found.failures) == (10, 6, {"HTTP 503: full": 6})
    assert found.latency_milliseconds["p99"] == pytest.approx(1.0)
    assert found.objective.verdict is Verdict.UNTOLD
    assert found.objective.measured is None
    all_failed = summed_up(answers(*[1.0] * 10, failure="x"), Limit(percentile=50, milliseconds=1))
    assert all_failed.objective.verdict is Verdict.MISSED
    assert all_failed.latency_milliseconds == {}


ABOVE = "it is at least 12.0 ms; it takes 368 requests, and few failures"


def measured(**changes: object) -> Measured:
    plan = LoadPlan(rate=1, seconds=10, arrivals="poisson", protocol="http", seed=0)
    limit = Limit(percentile=99, milliseconds=180)
    fields = {
        "namespace": "default",
        "name": "digits",
        "plan": plan,
        "pods": 2,
        "address": None,
        "inputs": "random, of the declared shape",
        "way_milliseconds": 2.0,
        "summary": summed_up(answers(*[12.0] * 10), limit),
    }
    return Measured(**{**fields, **changes})  # type: ignore[arg-type]


def test_the_text_says_what_was_done_and_what_came_of_it() -> None:
    first, *rest = lines(measured())
    assert first == (
        "digits in namespace default: 10 requests to 2 pods by http, 1 a second (poisson), "
        "inputs random, of the declared shape"
    )
    assert [" ".join(line.split()) for line in rest] == [
        "answers 10, 1.1 a second",
        "failures 0",
        "latency p50 12.0 ms, p95 12.0 ms, p99 12.0 ms",
        f"objective p99 of at most 180 ms cannot be told: {ABOVE}",
        "the way 2.0 ms there and back, without an inference",
    ]


def test_the_tunnel_and_a_late_sender_are_warned_of() -> None:
    (tunnel,) = warnings(measured())
    assert "adds latency" in tunnel
    assert list(warnings(measured(address="digits.default.svc:8000"))) == []
    slow = [Answer(due=0.0, sent=0.02, ended=0.03, failure=None)]
    (late,) = warnings(measured(address="x:1", summary=summed_up(slow, None)))
    assert "up to 20.0 ms late" in late


def test_without_an_objective_there_is_no_verdict() -> None:
    assert told(judged([1.0], None)) == "not set (spec.scaling)"
