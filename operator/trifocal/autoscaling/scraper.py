"""Reads /metrics of many pods at once: every pod's answer is a value, also when there is none."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus

import aiohttp

from trifocal.triton.arguments import METRICS_PORT
from trifocal.triton.exposition import ModelSamples, parse


@dataclass(frozen=True, kw_only=True)
class PodAddress:
    """Where a pod's metrics are read."""

    uid: str
    ip: str
    port: int = METRICS_PORT
    namespace: str = ""
    name: str = ""
    """With the namespace, how Prometheus knows it."""

    @property
    def url(self) -> str:
        """The address of its metrics; an IPv6 address stands in brackets."""
        host = f"[{self.ip}]" if ":" in self.ip else self.ip
        return f"http://{host}:{self.port}/metrics"


@dataclass(frozen=True, kw_only=True)
class Scrape:
    """What a pod has counted for each of its models, and when it said so."""

    at: datetime
    models: Mapping[str, ModelSamples]


@dataclass(frozen=True, kw_only=True)
class ScrapeFailure:
    """Why a pod's metrics could not be read."""

    message: str


@dataclass(frozen=True, kw_only=True)
class ScrapeLimits:
    """What one pass over all pods may take."""

    side_by_side: int = 256
    """Connections at a time: a node that has gone with 100 pods blocks none of the others."""
    pod_seconds: float = 2.0
    """For one pod. Triton answers within milliseconds unless its CPU is throttled."""
    total_seconds: float = 4.0
    """For all pods, below the interval of the passes; who is not read by then has failed."""
    max_bytes: int = 1024 * 1024
    """Of one answer: a hundred times what a model says, 60 lines of 150 bytes for each GPU. Whoever
    sends more is no Triton, and all that are read side by side must fit into the memory."""


DEFAULT_LIMITS = ScrapeLimits()


def open_session(limits: ScrapeLimits = DEFAULT_LIMITS) -> aiohttp.ClientSession:
    """A session with as many connections as pods are read side by side.

    aiohttp's own limit is 100: so many pods that hang would keep all others from being read.
    """
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=limits.side_by_side))


class Scraper:
    """Reads pods over one session, whose connections stay open between passes."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        now: Callable[[], datetime],
        limits: ScrapeLimits = DEFAULT_LIMITS,
    ) -> None:
        self._session = session
        self._now = now
        self._limits = limits
        self._failed: frozenset[str] = frozenset()

    async def scrape(self, pods: Iterable[PodAddress]) -> Mapping[str, Scrape | ScrapeFailure]:
        """What each pod has counted, by uid, or why that is unknown. Its trouble is never raised.

        Pods that failed last time have their turn last, so that they cannot starve the others.
        """
        turns = asyncio.Semaphore(self._limits.side_by_side)
        in_order = sorted(pods, key=lambda pod: pod.uid in self._failed)
        tasks = {pod.uid: asyncio.create_task(self._in_turn(pod, turns)) for pod in in_order}
        if tasks:
            await self._finish(tasks.values())
        results = {uid: self._result(task) for uid, task in tasks.items()}
        self._failed = frozenset(u for u, r in results.items() if isinstance(r, ScrapeFailure))
        return results

    async def _finish(self, tasks: Iterable[asyncio.Task[Scrape | ScrapeFailure]]) -> None:
        tasks = list(tasks)
        try:
            await asyncio.wait(tasks, timeout=self._limits.total_seconds)
        finally:
            late = [task for task in tasks if task.cancel()]
            await asyncio.gather(*late, return_exceptions=True)

    def _result(self, task: asyncio.Task[Scrape | ScrapeFailure]) -> Scrape | ScrapeFailure:
        if not task.cancelled():
            return task.result()
        return ScrapeFailure(
            message=f"The pods before it took all of {self._limits.total_seconds:g} s."
        )

    async def _in_turn(self, pod: PodAddress, turns: asyncio.Semaphore) -> Scrape | ScrapeFailure:
        async with turns:
            try:
                return await self._read(pod)
            except TimeoutError:
                return ScrapeFailure(
                    message=f"{pod.url} did not answer within {self._limits.pod_seconds:g} s."
                )
            except (aiohttp.ClientError, OSError, ValueError) as error:
                # ValueError: the address makes no URL, or the answer is no UTF-8 or no metrics.
                return ScrapeFailure(message=f"{pod.url} could not be read: {error}")

    async def _read(self, pod: PodAddress) -> Scrape | ScrapeFailure:
        timeout = aiohttp.ClientTimeout(total=self._limits.pod_seconds)
        # A redirect would let a pod send the operator elsewhere.
        async with self._session.get(pod.url, timeout=timeout, allow_redirects=False) as response:
            if response.status != HTTPStatus.OK:
                return ScrapeFailure(message=f"{pod.url} answered with status {response.status}.")
            body = bytearray()
            async for chunk in response.content.iter_any():
                body += chunk
                if len(body) > self._limits.max_bytes:
                    return ScrapeFailure(
                        message=f"{pod.url} sent more than {self._limits.max_bytes} bytes."
                    )
        return Scrape(at=self._now(), models=parse(body.decode()))
