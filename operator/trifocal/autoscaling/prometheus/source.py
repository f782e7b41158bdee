"""Scrapes of all pods from Prometheus: a few queries a pass, their trouble told once."""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from trifocal.autoscaling.prometheus.answer import Answer, PrometheusError
from trifocal.autoscaling.prometheus.expression import PodLabels, counted_by
from trifocal.autoscaling.prometheus.scrapes import Freshness, read_scrapes
from trifocal.autoscaling.scraper import PodAddress, Scrape, ScrapeFailure

PODS_PER_QUERY = 500
"""Whole namespaces are asked for together up to so many pods: some 20,000 series, which hold up
the other coroutines for a tenth of a second while they are read."""
SIDE_BY_SIDE = 4
"""Queries at a time, of the 20 that Prometheus works on for all who ask (query.max-concurrency)."""

_Read = tuple[Mapping[str, Scrape | ScrapeFailure], Sequence[str]]
"""Scrapes by uid, and what is to be logged."""

_log = structlog.get_logger()


class Asked(Protocol):
    """Who is asked; `trifocal.autoscaling.prometheus.client.PrometheusClient` is one."""

    async def query(self, expression: str, at: datetime | None = None) -> Answer:
        """An answer, or PrometheusError."""


class PrometheusSource:
    """Reads pods as Prometheus last saw them, in the place of the scraper."""

    def __init__(
        self,
        prometheus: Asked,
        now: Callable[[], datetime],
        *,
        max_age: timedelta,
        labels: PodLabels | None = None,
    ) -> None:
        """Nothing is asked yet.

        Args:
            prometheus: Who is asked.
            now: The present, to which a sample's age is measured.
            max_age: Older samples are of no use: as long as the windows look back.
            labels: By which Prometheus knows a pod.
        """
        self._prometheus = prometheus
        self._now = now
        self._max_age = max_age
        self._labels = labels or PodLabels()
        self._trouble = ""

    async def scrape(self, pods: Iterable[PodAddress]) -> Mapping[str, Scrape | ScrapeFailure]:
        """What each pod has counted, by uid, or why that is unknown. Trouble is never raised."""
        turns = asyncio.Semaphore(SIDE_BY_SIDE)
        read = await asyncio.gather(*(self._in_turn(group, turns) for group in _groups(pods)))
        self._tell(sorted({trouble for _, troubles in read for trouble in troubles}))
        return {uid: scrape for scrapes, _ in read for uid, scrape in scrapes.items()}

    async def _in_turn(self, group: list[PodAddress], turns: asyncio.Semaphore) -> _Read:
        """Read before the turn ends, so that few whole answers are held at a time."""
        namespaces = {pod.namespace for pod in group}
        async with turns:
            try:
                answer = await self._prometheus.query(counted_by(namespaces, self._labels))
            except PrometheusError as error:
                return {pod.uid: ScrapeFailure(message=str(error)) for pod in group}, (str(error),)
            fresh = Freshness(now=self._now(), max_age=self._max_age)
            return read_scrapes(answer, group, self._labels, fresh), answer.warnings

    def _tell(self, troubles: Sequence[str]) -> None:
        """Log what has changed: not the same every few seconds."""
        trouble = " ".join(troubles)
        if trouble and trouble != self._trouble:
            _log.warning("prometheus is in trouble", error=trouble)
        elif self._trouble and not trouble:
            _log.info("prometheus answers again")
        self._trouble = trouble


def _groups(pods: Iterable[PodAddress]) -> Iterator[list[PodAddress]]:
    """The pods by namespaces, small namespaces together."""
    by_namespace: dict[str, list[PodAddress]] = {}
    for pod in pods:
        by_namespace.setdefault(pod.namespace, []).append(pod)
    group: list[PodAddress] = []
    for namespace in by_namespace.values():
        if group and len(group) + len(namespace) > PODS_PER_QUERY:
            yield group
            group = []
        group.extend(namespace)
    if group:
        yield group
