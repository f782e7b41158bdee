"""A wall clock that is set is told from one that goes on, however late a look comes."""

from datetime import timedelta

import pytest

from tests.support.fake_time import FakeTime
from trifocal.clock_set import ClockSet, watch_clock


class OutOfSleepError(Exception):
    """The test has seen enough."""


async def watched(time: FakeTime, *late: float, wall_jump: float = 0.0) -> None:
    """Looks that come so many seconds late; the wall clock is set before the last one."""
    left, ahead = list(late), timedelta()

    async def sleep(seconds: float) -> None:
        nonlocal ahead
        if not left:
            raise OutOfSleepError
        time.pass_by(seconds + left.pop(0))
        if not left:
            ahead += timedelta(seconds=wall_jump)

    await watch_clock(wall=lambda: time.now() + ahead, steady=time.monotonic, sleep=sleep)


@pytest.mark.parametrize("jump", [3600, -3600, 3, -3])
async def test_a_clock_that_is_set_is_noticed_with_its_jump(jump: float) -> None:
    with pytest.raises(ClockSet, match=rf"by \{jump:+.0f} s"):
        await watched(FakeTime(), 0, 0, wall_jump=jump)


async def test_a_process_that_was_stopped_for_a_minute_has_missed_no_jump() -> None:
    with pytest.raises(OutOfSleepError):
        await watched(FakeTime(), 0, 60, 0)


async def test_a_clock_that_is_slewed_is_left_alone() -> None:
    with pytest.raises(OutOfSleepError):
        await watched(FakeTime(), 0, 0, wall_jump=0.5)
