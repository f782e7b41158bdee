"""Gives the load: every connection takes the next request that is due, until told to stop."""

import asyncio
import contextlib
import itertools
from collections.abc import Callable, Iterator

from hack.load.clients import Connection
from hack.load.plan import LoadPlan
from hack.load.report import Sample

Connect = Callable[[], Connection]
Observe = Callable[[Sample], None]


async def give(plan: LoadPlan, connect: Connect, observe: Observe, stop: asyncio.Event) -> None:
    """Load until `stop` is set; requests under way are waited for and observed as well."""
    began = asyncio.get_running_loop().time()
    due = _due_times(plan.rate)
    async with asyncio.TaskGroup() as group:
        for _ in range(plan.connections):
            group.create_task(_work(plan, connect, observe, stop, (began, due)))


async def _work(
    plan: LoadPlan,
    connect: Connect,
    observe: Observe,
    stop: asyncio.Event,
    schedule: tuple[float, Iterator[float | None]],
) -> None:
    began, due_times = schedule
    now = asyncio.get_running_loop().time
    connection = connect()
    try:
        while not stop.is_set():
            due = next(due_times)
            if due is not None and not await _is_due(began + due - now(), stop):
                return
            started = now() - began if due is None else due
            failure = await _failure(connection, plan.request_timeout_seconds)
            observe(Sample(started, now() - began, failure))
    finally:
        await connection.close()


async def _is_due(wait: float, stop: asyncio.Event) -> bool:
    """True when the time has come, False when the load ended before."""
    if wait > 0:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), wait)
    return not stop.is_set()


async def _failure(connection: Connection, limit_seconds: float) -> str | None:
    try:
        async with asyncio.timeout(limit_seconds):
            await connection.ask()
    except TimeoutError:
        return f"TimeoutError: no answer within {limit_seconds:g} s"
    except Exception as error:  # noqa: BLE001 - whatever it is, a client would have met it
        return f"{type(error).__name__}: {error}"
    return None


def _due_times(rate: float | None) -> Iterator[float | None]:
    if rate is None:
        return itertools.repeat(None)
    return (number / rate for number in itertools.count())
