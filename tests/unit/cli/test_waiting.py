"""How long `trifocal status -w` waits, and for what."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.support.fake_time import FakeTime
from tests.support.manifests import minimal
from trifocal.cli.status_tree import Chain
from trifocal.cli.waiting import Wait, until_settled
from trifocal.kube.errors import Gone, Transient


def chain(kind: str, status: str) -> Chain:
    body: dict[str, Any] = minimal()
    body["metadata"]["generation"] = 1
    condition = {"type": kind, "status": status, "reason": "", "message": ""}
    body["status"] = {"observedGeneration": 1, "conditions": [condition]}
    return Chain(body=body)


UNDER_WAY, READY, STALLED = (
    chain("Ready", "Unknown"),
    chain("Ready", "True"),
    chain("Stalled", "True"),
)


def reads(*answers: Chain | Exception) -> Callable[[], Awaitable[Chain]]:
    given = iter(answers)

    async def read() -> Chain:
        answer = next(given)
        if isinstance(answer, Exception):
            raise answer
        return answer

    return read


def wait(time: FakeTime, seconds: float | None = None) -> Wait:
    return Wait(seconds=seconds, clock=time.monotonic, sleep=time.sleep)


@pytest.mark.parametrize("settled", [READY, STALLED], ids=["ready", "stalled"])
async def test_what_is_settled_is_not_waited_for(settled: Chain) -> None:
    time = FakeTime()
    assert await until_settled(settled, reads(), wait(time)) is settled
    assert time.slept == []


@pytest.mark.parametrize("settled", [READY, STALLED], ids=["ready", "stalled"])
async def test_it_waits_without_end_for_either(settled: Chain) -> None:
    time, shown = FakeTime(), list[Chain]()
    read = reads(*[UNDER_WAY] * 1000, settled)
    assert await until_settled(UNDER_WAY, read, wait(time), shown.append) is settled
    assert len(shown) == 1001
    assert shown[-1] is settled


async def test_it_ends_when_the_time_is_up_and_not_later() -> None:
    time = FakeTime()
    read = reads(*[UNDER_WAY] * 3)
    assert await until_settled(UNDER_WAY, read, wait(time, 5)) is UNDER_WAY
    assert time.slept == [2, 2, 1]


async def test_no_time_is_one_look() -> None:
    assert await until_settled(UNDER_WAY, reads(), wait(FakeTime(), 0)) is UNDER_WAY


async def test_an_api_server_that_is_away_for_a_moment_ends_no_wait() -> None:
    read = reads(Transient("restarts"), Transient("restarts"), READY)
    assert await until_settled(UNDER_WAY, read, wait(FakeTime(), 60)) is READY


async def test_an_api_server_that_stays_away_does_not_stretch_it() -> None:
    time = FakeTime()
    read = reads(*[Transient("away")] * 3)
    assert await until_settled(UNDER_WAY, read, wait(time, 6)) is UNDER_WAY
    assert sum(time.slept) == 6


async def test_an_object_that_was_deleted_meanwhile_ends_it() -> None:
    with pytest.raises(Gone):
        await until_settled(UNDER_WAY, reads(Gone("no such object")), wait(FakeTime()))
