"""Asks the wake-up queries of all models at once: every answer is a value, also when there is none.

A query is a user's and is asked with the operator's rights, so it gets little: bounded time, a
bounded answer, and a turn after others. Whether it is asked at all, and what it can see, is the
administrator's to say.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Protocol

from trifocal.api.wake_up import PrometheusWakeUp
from trifocal.autoscaling.metrics import Key
from trifocal.autoscaling.prometheus.answer import Answer, PrometheusError
from trifocal.autoscaling.prometheus.client import PrometheusClient, QueryLimits
from trifocal.autoscaling.waiting_work import NotAllowed, Unknown, WakeUpSignal, Work, read_work

SIDE_BY_SIDE = 16
"""Queries at a time, below the 20 that a Prometheus server works on by default."""
TOTAL_SECONDS = 4.0
"""For all queries of a pass, below the interval of the passes; who has no answer by then waits for
the next one."""
LIMITS = QueryLimits(seconds=2.0, max_bytes=64 * 1024)
"""Of one query: a rate over a minute of a gateway's series takes milliseconds, and one number is a
few hundred bytes. A query for every series there is ends here."""
MAX_WORDS = 500
"""Characters of Prometheus' own words: it repeats the query, and status takes 1024 in all."""
KEPT = timedelta(seconds=30)
"""An answer stands in for those that are missing for so long: a Prometheus that restarts is no
news. It never lets pods go, see `Work.fresh`."""

_NEVER = datetime.min.replace(tzinfo=UTC)

Ask = Callable[[str, str], Awaitable[Answer]]
"""A namespace and a query to the query's answer; raises PrometheusError."""


def through(prometheus: PrometheusClient, namespace_parameter: str | None) -> Ask:
    """Queries of a Prometheus, or of a proxy that holds each to its own namespace's series.

    Adding a matcher to every selector takes a parser of PromQL; a text that is put together is
    escaped from. prom-label-proxy has that parser, and takes the namespace from the URL.

    Args:
        prometheus: Who is asked.
        namespace_parameter: What the proxy calls the namespace; None where there is no proxy.
    """

    async def ask(namespace: str, query: str) -> Answer:
        held = {namespace_parameter: namespace} if namespace_parameter else {}
        return await prometheus.query(query, parameters=held)

    return ask


class WakeUpSource(Protocol):
    """Where the scaler learns what waits in front of models."""

    async def ask(self, queries: Mapping[Key, PrometheusWakeUp]) -> Mapping[Key, WakeUpSignal]:
        """What each query says. Trouble is a value and never raised."""


class NobodyAsks:
    """Stands in where wake-up queries are not allowed."""

    def __init__(self, message: str) -> None:
        """The sentence says who could allow them, and how."""
        self._answer = NotAllowed(message=message)

    async def ask(self, queries: Mapping[Key, PrometheusWakeUp]) -> Mapping[Key, WakeUpSignal]:
        """That nothing is asked."""
        return dict.fromkeys(queries, self._answer)


@dataclass(frozen=True, kw_only=True)
class _Kept:
    """The last number of a query."""

    question: PrometheusWakeUp
    work: Work
    at: datetime


class WakeUps:
    """Asks; remembers the last answers for a moment."""

    def __init__(self, ask: Ask, now: Callable[[], datetime]) -> None:
        self._ask = ask
        self._now = now
        self._kept: dict[Key, _Kept] = {}
        self._asked: dict[Key, datetime] = {}

    async def ask(self, queries: Mapping[Key, PrometheusWakeUp]) -> Mapping[Key, WakeUpSignal]:
        """What each query says now, or said a moment ago.

        Who has waited longest is asked first, so that slow queries starve nobody.
        """
        self._forget_all_but(queries)
        turns = asyncio.Semaphore(SIDE_BY_SIDE)
        in_order = sorted(queries, key=lambda key: self._asked.get(key, _NEVER))
        tasks = {
            key: asyncio.create_task(self._in_turn(key, queries[key], turns)) for key in in_order
        }
        if tasks:
            await _finish(tasks.values())
        return {key: self._known(key, queries[key], _result(task)) for key, task in tasks.items()}

    async def _in_turn(
        self, key: Key, query: PrometheusWakeUp, turns: asyncio.Semaphore
    ) -> Work | Unknown:
        async with turns:
            self._asked[key] = self._now()
            try:
                answer = await self._ask(key[0], query.query)
            except PrometheusError as error:
                return Unknown(message=str(error)[:MAX_WORDS])
        return read_work(answer, query.threshold)

    def _known(self, key: Key, query: PrometheusWakeUp, found: Work | Unknown) -> Work | Unknown:
        """The answer, or the last one to the same question while that is fresh enough."""
        now = self._now()
        if isinstance(found, Work):
            self._kept[key] = _Kept(question=query, work=found, at=now)
            return found
        kept = self._kept.get(key)
        if kept is None or kept.question != query or now - kept.at > KEPT:
            return found
        return replace(kept.work, fresh=False)

    def _forget_all_but(self, queries: Collection[Key]) -> None:
        self._kept = {key: kept for key, kept in self._kept.items() if key in queries}
        self._asked = {key: at for key, at in self._asked.items() if key in queries}


async def _finish(tasks: Collection[asyncio.Task[Work | Unknown]]) -> None:
    try:
        await asyncio.wait(tasks, timeout=TOTAL_SECONDS)
    finally:
        late = [task for task in tasks if task.cancel()]
        await asyncio.gather(*late, return_exceptions=True)


def _result(task: asyncio.Task[Work | Unknown]) -> Work | Unknown:
    if not task.cancelled():
        return task.result()
    return Unknown(message=f"The wake-up queries together took all of {TOTAL_SECONDS:g} s.")
