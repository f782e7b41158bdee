"""What a wake-up query's answer says: a number above the threshold or not, or unknown."""

import math

import pytest

from trifocal.autoscaling.prometheus.answer import Answer, Point, Series
from trifocal.autoscaling.waiting_work import Unknown, Work, read_work


def answer(*amounts: float, warnings: tuple[str, ...] = ()) -> Answer:
    series = tuple(Series({"pod": str(i)}, (Point(0.0, a),)) for i, a in enumerate(amounts))
    return Answer(series=series, warnings=warnings)


@pytest.mark.parametrize(
    ("amount", "threshold", "waits"),
    [(0, 0, False), (0.01, 0, True), (2, 2, False), (3, 2, True), (math.inf, 2, True)],
)
def test_work_waits_above_the_threshold(amount: float, threshold: float, waits: bool) -> None:
    work = read_work(answer(amount), threshold)
    assert isinstance(work, Work)
    assert work.waits is waits


@pytest.mark.parametrize(
    ("found", "advice"),
    [
        (answer(), "`or vector(0)`"),
        (answer(0, 0), "gives 2 values and must give one; add them up with sum()"),
        (answer(math.nan), "gives NaN"),
        (answer(0, warnings=("store-1 did not answer",)), "store-1 did not answer"),
    ],
)
def test_what_cannot_be_understood_is_unknown_and_not_zero(found: Answer, advice: str) -> None:
    work = read_work(found, 0)
    assert isinstance(work, Unknown)
    assert advice in work.message


def test_an_answer_that_may_lack_parts_can_say_that_work_waits() -> None:
    assert read_work(answer(3, warnings=("a store is away",)), 0) == Work(amount=3, threshold=0)
