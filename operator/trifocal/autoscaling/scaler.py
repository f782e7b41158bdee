"""The scaling loop: one for the whole cluster. Scrapes all pods, then decides for each object."""

import asyncio
from collections.abc import (
    AsyncIterable,
    AsyncIterator,
    Callable,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol, TypeVar

import structlog

from trifocal.api.scaling import ScalingSpec
from trifocal.api.serving import Batching
from trifocal.api.wake_up import PrometheusWakeUp
from trifocal.autoscaling.balancing import Balancing
from trifocal.autoscaling.budget import Want, fair_shares, rationed
from trifocal.autoscaling.decision import ScaleDecision, observe_only
from trifocal.autoscaling.history import History, seeded
from trifocal.autoscaling.metrics import Key, ScalerMetrics
from trifocal.autoscaling.outlook import COLD_START_SECONDS, Situation
from trifocal.autoscaling.schedule import in_force
from trifocal.autoscaling.scraper import PodAddress, Scrape, ScrapeFailure
from trifocal.autoscaling.signal import NoData, Reading, Windows, append, measure
from trifocal.autoscaling.turns import OBSERVED_SECONDS, Turns
from trifocal.autoscaling.waiting_work import WakeUpSignal
from trifocal.autoscaling.wake_up import NobodyAsks, WakeUpSource
from trifocal.autoscaling.zero import Rest, decide_with_zero
from trifocal.optimizer.contract import CapacityPoint

RATE_SECONDS = 15.0
"""Window of the arrival rate: HorizontalPodAutoscaler's sync period. At 20 requests/s it holds 300
of them, known to 6 %; a shorter one would order pods for chance."""
RATE_SCRAPES = 3.0
"""The window holds at least so many intervals: one lost scrape still leaves a difference."""
LATENCY_SECONDS = 60.0
"""Window of latency and service time, as long as that of Triton's own summaries."""
YIELD_EVERY = 50
"""Objects decided, or told of, without giving way to other coroutines: some milliseconds."""
DEFAULT_PERCENTILE = 99
"""What is measured for an object without an objective."""
NOBODY_ASKS = NobodyAsks("This operator asks no wake-up queries.")

T = TypeVar("T")

_log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True)
class ScaleTarget:
    """One ModelDeployment as the scaler sees it."""

    key: Key
    scaling: ScalingSpec | None
    """None: nothing is decided, but the signal is collected for status."""
    model: str
    """Its name in Triton."""
    pods: tuple[PodAddress, ...]
    """Ready pods of the revision that has the traffic."""
    replicas: int
    """What that revision's Deployment asks for; those that are not in `pods` are ordered."""
    capacity: tuple[CapacityPoint, ...] = ()
    """Measured by the Job for the artifact that serves."""
    batching: Batching = field(default_factory=Batching)
    instances: int = 1
    balancing: Balancing = "blind"
    """How requests are spread over its pods."""
    cold_start_seconds: float | None = None
    """Measured, from the order of a pod to its first request; None while no pod has shown it."""
    gpus: int = 0
    """That each pod holds."""


def rate_window(interval: float) -> timedelta:
    """How far back arrivals are counted where a pod has something new every `interval` seconds."""
    return timedelta(seconds=max(RATE_SECONDS, RATE_SCRAPES * interval))


def _windows(interval: float) -> Windows:
    rate = rate_window(interval)
    return Windows(rate=rate, latency=max(timedelta(seconds=LATENCY_SECONDS), rate))


class Clock(Protocol):
    """Time as the loop sees it."""

    def now(self) -> datetime:
        """The present, with a time zone."""

    async def sleep(self, seconds: float) -> None:
        """Come back after some time."""


class Source(Protocol):
    """Where metrics come from; `trifocal.autoscaling.scraper.Scraper` is one."""

    async def scrape(self, pods: Iterable[PodAddress]) -> Mapping[str, Scrape | ScrapeFailure]:
        """What each pod has counted, by uid, or why that is unknown."""


Targets = Callable[[], AsyncIterable[ScaleTarget]]
"""Asked once a pass. It may give way to other coroutines in between."""
Publish = Callable[[Key, ScaleDecision], None]


@dataclass(kw_only=True)
class _Track:
    """What the loop remembers of one object between passes; may be lost at any time."""

    history: History
    capacity: tuple[CapacityPoint, ...]
    is_scaled: bool = True
    """Or only looked at, when it was last."""
    readings: dict[str, tuple[Reading, ...]] = field(default_factory=dict)
    rest: Rest = field(default_factory=Rest)


class _Seen(NamedTuple):
    """What a pass has learned from outside."""

    scrapes: Mapping[str, Scrape | ScrapeFailure]
    """By pod."""
    work: Mapping[Key, WakeUpSignal]
    """By ModelDeployment; those without a query are absent."""


class Scaler:
    """Makes passes. After a restart nothing scales down before a whole hold has been watched."""

    def __init__(
        self,
        source: Source,
        metrics: ScalerMetrics,
        interval: float,
        gpus_per_namespace: int | None = None,
        wake_ups: WakeUpSource = NOBODY_ASKS,
    ) -> None:
        """Nothing is scraped yet.

        Args:
            source: Where metrics come from.
            metrics: Where decisions are shown.
            interval: Seconds between two readings of a pod that differ: those between two passes,
                or between two scrapes of Prometheus where it is the source.
            gpus_per_namespace: How many GPUs the models of one namespace may hold together.
            wake_ups: Where it is learned what waits in front of models that may have no pod.
        """
        self._source = source
        self._metrics = metrics
        self._gpus = gpus_per_namespace
        self._wake_ups = wake_ups
        self._windows = _windows(interval)
        self._observed_windows = _windows(max(interval, OBSERVED_SECONDS))
        self._tracks: dict[Key, _Track] = {}
        self._turns = Turns()

    async def make_pass(
        self, targets: Iterable[ScaleTarget], publish: Publish, clock: Clock
    ) -> None:
        """Scrape the pods, decide for every object whose turn it is, and publish the decisions."""
        started = clock.now()
        present = {target.key: target for target in targets}
        self._forget_all_but(present)
        due = self._due(present, started)
        seen = _Seen(
            *await asyncio.gather(
                self._source.scrape(pod for target in due for pod in target.pods),
                self._wake_ups.ask(dict(_queries(due))),
            )
        )
        decisions = await self._decisions(due, seen, clock.now())
        await self._tell(self._within_budget(decisions, present), publish)
        self._metrics.pass_seconds.observe((clock.now() - started).total_seconds())

    async def _tell(self, decisions: Mapping[Key, ScaleDecision], publish: Publish) -> None:
        async for key, decision in _giving_way(decisions.items()):
            self._metrics.show(key, decision)
            with _surviving(key):
                publish(key, decision)

    def _due(self, present: Mapping[Key, ScaleTarget], now: datetime) -> Sequence[ScaleTarget]:
        """Those that are scaled, in every pass, and of the others those whose turn it is."""
        turns = self._turns.take((k for k, t in present.items() if t.scaling is None), now)
        return [t for k, t in present.items() if t.scaling is not None or k in turns]

    async def _decisions(
        self, due: Iterable[ScaleTarget], seen: _Seen, now: datetime
    ) -> dict[Key, ScaleDecision]:
        found = {}
        async for target in _giving_way(due):
            with _surviving(target.key):
                found[target.key] = self._decide(target, seen, now)
        return found

    def _within_budget(
        self, decisions: Mapping[Key, ScaleDecision], present: Mapping[Key, ScaleTarget]
    ) -> Mapping[Key, ScaleDecision]:
        """Fair shares where the models of a namespace want more GPUs than it may use."""
        if self._gpus is None:
            return decisions
        wants: dict[str, dict[Key, Want]] = {}
        for key, target in present.items():
            if target.gpus:
                wants.setdefault(key[0], {})[key] = _want(target, decisions.get(key))
        shares = {k: n for w in wants.values() for k, n in fair_shares(w, self._gpus).items()}
        return {
            key: rationed(decision, shares[key], self._gpus) if key in shares else decision
            for key, decision in decisions.items()
        }

    def _forget_all_but(self, present: Mapping[Key, ScaleTarget]) -> None:
        for key in self._tracks.keys() - present.keys():
            del self._tracks[key]
            self._metrics.forget(key)

    def _decide(self, target: ScaleTarget, seen: _Seen, now: datetime) -> ScaleDecision:
        track = self._track(target, now)
        windows = self._observed_windows if target.scaling is None else self._windows
        track.readings = self._read(target, track.readings, seen.scrapes, windows)
        objective = target.scaling.objective.latency if target.scaling else None
        signal = measure(
            track.readings,
            [pod.uid for pod in target.pods],
            percentile=objective.percentile if objective else DEFAULT_PERCENTILE,
            limit_milliseconds=objective.max_milliseconds if objective else None,
            windows=windows,
            now=now,
        )
        if isinstance(signal, NoData):
            signal = _with_cause(signal, [seen.scrapes[pod.uid] for pod in target.pods])
        if target.scaling is None:
            decision = observe_only(signal, target.replicas, now)
        else:
            situation = Situation(
                scaling=in_force(target.scaling, now),
                signal=signal,
                history=track.history,
                current=target.replicas,
                ready=len(target.pods),
                capacity=target.capacity,
                batching=target.batching,
                instances=target.instances,
                balancing=target.balancing,
                cold_start_seconds=COLD_START_SECONDS
                if target.cold_start_seconds is None
                else target.cold_start_seconds,
            )
            decision, track.history, track.rest = decide_with_zero(
                situation, seen.work.get(target.key), track.rest, now
            )
        return replace(decision, cold_start_seconds=target.cold_start_seconds)

    def _track(self, target: ScaleTarget, now: datetime) -> _Track:
        track = self._tracks.get(target.key)
        if track is None:
            track = _Track(history=seeded(target.replicas, now), capacity=target.capacity)
            self._tracks[target.key] = track
        elif target.scaling is not None and not track.is_scaled:
            # What ran until scaling was set counts as needed.
            track.history, track.rest = seeded(target.replicas, now), Rest()
        elif track.capacity != target.capacity:
            # Another artifact serves: how fast the last one was says nothing about it.
            track.history = replace(track.history, service=None)
            track.capacity = target.capacity
        track.is_scaled = target.scaling is not None
        return track

    def _read(
        self,
        target: ScaleTarget,
        before: Mapping[str, tuple[Reading, ...]],
        scrapes: Mapping[str, Scrape | ScrapeFailure],
        windows: Windows,
    ) -> dict[str, tuple[Reading, ...]]:
        """Readings of the ready pods, with the new ones; those of other pods are dropped."""
        readings = {pod.uid: before.get(pod.uid, ()) for pod in target.pods}
        for pod in target.pods:
            scrape = scrapes[pod.uid]
            if isinstance(scrape, ScrapeFailure):
                self._metrics.unreadable_pods.inc()
                _log.debug("pod not read", namespace=target.key[0], error=scrape.message)
            elif target.model in scrape.models:
                newest = Reading(at=scrape.at, samples=scrape.models[target.model])
                readings[pod.uid] = append(readings[pod.uid], newest, windows.latency)
        return readings


def _with_cause(nothing: NoData, scrapes: Iterable[Scrape | ScrapeFailure]) -> NoData:
    """What a pod that could not be read says of it belongs to the sentence in status."""
    for scrape in scrapes:
        if isinstance(scrape, ScrapeFailure):
            return replace(nothing, message=f"{nothing.message} {scrape.message}")
    return nothing


def _queries(targets: Iterable[ScaleTarget]) -> Iterator[tuple[Key, PrometheusWakeUp]]:
    """The wake-up queries of models that may have no pod."""
    for target in targets:
        scaling = target.scaling
        if scaling and scaling.min_replicas == 0 and scaling.wake_up and scaling.wake_up.prometheus:
            yield target.key, scaling.wake_up.prometheus


async def _giving_way(items: Iterable[T]) -> AsyncIterator[T]:
    for position, item in enumerate(items):
        if position % YIELD_EVERY == 0:
            await asyncio.sleep(0)
        yield item


@contextmanager
def _surviving(key: Key) -> Iterator[None]:
    """One object's defect must not stop all the others."""
    try:
        yield
    except Exception:  # noqa: BLE001 - whatever it is, the others go on
        _log.exception("scaling failed", namespace=key[0], name=key[1])


def _want(target: ScaleTarget, decision: ScaleDecision | None) -> Want:
    """What it asks for; where nothing was decided in this pass, what it has.

    In any case it gets what its user asked for, and the last pod of one that serves. Where
    nothing scales, that is all of it.
    """
    replicas = target.replicas if decision is None else decision.replicas
    kept = replicas
    if target.scaling is not None:
        kept = max(target.scaling.min_replicas, min(target.replicas, 1))
    return Want(least=min(kept, replicas), replicas=replicas, gpus=target.gpus)


async def run(
    targets: Targets, publish: Publish, *, scaler: Scaler, interval: float, clock: Clock
) -> None:
    """Make passes for ever, one each `interval` seconds; after a longer one the next at once."""
    while True:
        started = clock.now()
        try:
            await scaler.make_pass([each async for each in targets()], publish, clock)
        except Exception:  # noqa: BLE001 - a loop that ends would leave the cluster unscaled
            _log.exception("scaling pass failed")
        spent = (clock.now() - started).total_seconds()
        await clock.sleep(min(max(interval - spent, 0.0), interval))
