"""Lateness is what a wake-up lacks, never less than nothing."""

import pytest

from tests.support.fake_time import FakeTime
from trifocal.loop_lag import watch_lag


class OutOfSleepError(Exception):
    """The test has seen enough."""


async def test_a_wake_up_that_comes_late_is_told_as_late_as_it_was() -> None:
    time, told = FakeTime(), list[float]()
    extra = iter((0.0, 0.4, -0.01))

    async def sleep(seconds: float) -> None:
        try:
            time.pass_by(seconds + next(extra))
        except StopIteration:
            raise OutOfSleepError from None

    with pytest.raises(OutOfSleepError):
        await watch_lag(told.append, clock=time.monotonic, sleep=sleep)
    assert told == pytest.approx([0.0, 0.4, 0.0])
