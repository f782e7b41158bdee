"""The token bucket: burst, then rate, and the server's own wishes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.fake_time import FakeTime
from trifocal.kube.limiter import TokenBucket


def bucket(time: FakeTime, *, qps: float = 10.0, burst: int = 2) -> TokenBucket:
    return TokenBucket(qps=qps, burst=burst, clock=time.monotonic, sleep=time.sleep)


async def test_a_burst_passes_at_once_and_the_rest_at_the_rate() -> None:
    time = FakeTime()
    limited = bucket(time)
    for _ in range(5):
        await limited.wait()
    # 2 at once, then 3 more at 10 a second.
    assert time.seconds == pytest.approx(1000.3)


async def test_a_quiet_time_refills_no_more_than_the_burst() -> None:
    time = FakeTime()
    limited = bucket(time)
    await limited.wait()
    time.pass_by(3600)
    for _ in range(3):
        await limited.wait()
    assert len(time.slept) == 1


async def test_nothing_passes_while_the_server_asked_for_a_pause() -> None:
    time = FakeTime()
    limited = bucket(time)
    limited.pause(30.0)
    await limited.wait()
    assert time.seconds >= 1030.0


async def test_a_second_pause_does_not_shorten_the_first() -> None:
    time = FakeTime()
    limited = bucket(time)
    limited.pause(30.0)
    limited.pause(1.0)
    await limited.wait()
    assert time.seconds >= 1030.0


@given(st.lists(st.floats(min_value=0, max_value=2), min_size=1, max_size=60))
def test_no_window_holds_more_than_burst_and_rate_allow(gaps: list[float]) -> None:
    time = FakeTime()
    limited = bucket(time, qps=5.0, burst=3)
    passed: list[float] = []
    for gap in gaps:
        time.pass_by(gap)
        passed.append(time.seconds + limited.reserve())
    for first in range(len(passed)):
        for last in range(first, len(passed)):
            allowed = 3 + 5.0 * (passed[last] - passed[first])
            assert last - first + 1 <= allowed + 1e-6
