"""kopf's logins: at once, then with growing waits."""

import ssl
from typing import Any

from tests.support.fake_time import FakeTime
from trifocal.handlers.login import QUIET_SECONDS, Login
from trifocal.kube.access import Access


class NoToken:
    def authorization(self) -> None:
        return None

    async def renew(self) -> None:
        return None


async def unseen(request: Any, handler: Any) -> Any:
    return await handler(request)


def login(time: FakeTime) -> Login:
    access = Access(server="https://api", ssl_context=ssl.create_default_context(), token=NoToken())
    return Login(access, unseen, clock=time.monotonic, sleep=time.sleep)


async def open_times(door: Login, times: int) -> None:
    for _ in range(times):
        session = await door.open()
        await session.aiohttp_session.close()


async def test_the_first_login_does_not_wait() -> None:
    time = FakeTime()
    await open_times(login(time), 1)
    assert time.slept == [0.0]


async def test_logins_in_a_row_wait_twice_as_long_up_to_five_seconds() -> None:
    time = FakeTime()
    await open_times(login(time), 6)
    assert time.slept == [0.0, 1.0, 2.0, 4.0, 5.0, 5.0]


async def test_after_a_quiet_time_a_login_is_a_first_one() -> None:
    time = FakeTime()
    door = login(time)
    await open_times(door, 4)
    time.pass_by(QUIET_SECONDS + 1)
    await open_times(door, 1)
    assert time.slept[-1] == 0.0


async def test_every_login_has_a_session_of_its_own_for_kopf_closes_it() -> None:
    time = FakeTime()
    door = login(time)
    first, second = await door.open(), await door.open()
    assert first.aiohttp_session is not second.aiohttp_session
    await first.aiohttp_session.close()
    await second.aiohttp_session.close()


async def test_kopf_without_a_session_that_asks_for_none_is_abandoned() -> None:
    time = FakeTime()
    door = login(time)
    assert door.abandoned_seconds() == 0.0
    session = await door.open()
    time.pass_by(100)
    assert door.abandoned_seconds() == 0.0
    await session.aiohttp_session.close()
    assert door.abandoned_seconds() == 0.0
    time.pass_by(9)
    assert door.abandoned_seconds() == 9.0
    await open_times(door, 1)
    assert door.abandoned_seconds() == 0.0
