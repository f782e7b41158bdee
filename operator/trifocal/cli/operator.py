"""`trifocal operator`: the long-running process. Wiring only; every part is made elsewhere."""

import asyncio
import math
import random
import signal
import sys
import time
from contextlib import AsyncExitStack, suppress
from datetime import UTC, datetime
from functools import partial

import aiohttp
import click
import structlog

from trifocal.api.schema import KIND
from trifocal.autoscaling import scaler
from trifocal.autoscaling.metrics import ScalerMetrics
from trifocal.autoscaling.prometheus.access import PrometheusAccess
from trifocal.autoscaling.prometheus.client import (
    DEFAULT_LIMITS,
    PrometheusClient,
    QueryLimits,
)
from trifocal.autoscaling.prometheus.expression import PodLabels
from trifocal.autoscaling.prometheus.source import PrometheusSource
from trifocal.autoscaling.scraper import Scraper, open_session
from trifocal.autoscaling.wake_up import LIMITS, NobodyAsks, WakeUps, WakeUpSource, through
from trifocal.clock_set import ClockSet, watch_clock
from trifocal.handlers.intake import Intake
from trifocal.handlers.login import Login
from trifocal.handlers.streams import Streams
from trifocal.handlers.watcher import Watcher
from trifocal.kube.access import Access, find_access
from trifocal.kube.cache import Cache
from trifocal.kube.client import Kube
from trifocal.kube.cluster import Cluster
from trifocal.kube.errors import ApiError
from trifocal.kube.fence import Fence
from trifocal.kube.lease import Clock, Election, LeadershipLost
from trifocal.kube.limiter import TokenBucket
from trifocal.kube.recorder import Recorder
from trifocal.kube.resync import Sweeper, prefill
from trifocal.loop_lag import watch_lag
from trifocal.probes import SILENCE_SECONDS, Vitals, probes_served
from trifocal.reconcile.policy import BoundPolicy
from trifocal.reconcile.progress import read_progress
from trifocal.reconcile.queue import WorkQueue
from trifocal.reconcile.reconciler import Collaborators, Reconciler
from trifocal.reconcile.scaling_targets import Decisions, ScalingTargets
from trifocal.reconcile.verify import Verifier
from trifocal.reconcile.workers import Workshop, work
from trifocal.settings import Settings
from trifocal.telemetry import Metrics, configure_logging, exposition, served
from trifocal.triton.smoke import smoke_test

LEASE_NAME = "trifocal-operator"
DRAIN_SECONDS = 1.0
"""At SIGTERM, passes in work may finish; one that waits longer is made again by the next leader."""
RELEASE_SECONDS = 0.5
STUCK_SECONDS = 300.0
"""A pass ends after 120 s at the latest, and a queue moves meanwhile; one that does neither for
this long will not by itself."""
LEASE_QPS = 2.0
LEASE_BURST = 4
"""Of the lease's own client: a read and a write every 2 s."""

_log = structlog.get_logger(__name__)


@click.command()
def operator() -> None:
    """Run the operator.

    Settings come from TRIFOCAL_* variables, the cluster from KUBECONFIG or the pod's
    ServiceAccount.
    """
    settings = Settings()
    configure_logging(settings.log_level)
    sys.exit(asyncio.run(run(settings)))


async def run(settings: Settings) -> int:
    """Run until SIGTERM (0), or until this process must not go on (1)."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    access = await find_access(time.monotonic)
    metrics = Metrics()
    async with AsyncExitStack() as stack:
        # A client of its own: neither the workers' rate nor a Retry-After delays a renewal.
        bucket = TokenBucket(qps=LEASE_QPS, burst=LEASE_BURST, clock=time.monotonic)
        own = await stack.enter_async_context(Cluster(access, bucket, metrics.wrote))
        election = _election(own, settings)
        bucket = TokenBucket(qps=settings.kube_qps, burst=settings.kube_burst, clock=time.monotonic)
        fenced = Cluster(access, bucket, metrics.wrote, Fence(election.held))
        kube = await stack.enter_async_context(fenced)
        session = await stack.enter_async_context(open_session())
        process = Process(settings, kube, election, metrics, access, session)
        stack.enter_context(probes_served(process.vitals, settings.probes_port))
        app = exposition(metrics.registry)
        await stack.enter_async_context(served(app, settings.metrics_port))
        return await _until_end(process, stop)


def _election(kube: Kube, settings: Settings) -> Election:
    return Election(
        kube,
        lease=(settings.namespace, LEASE_NAME),
        identity=settings.pod_name,
        clock=Clock(monotonic=time.monotonic, wall=_now),
    )


async def _until_end(process: "Process", stop: asyncio.Event) -> int:
    life = asyncio.create_task(process.live())
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({life, stopping}, return_when=asyncio.FIRST_COMPLETED)
    if life.done():
        stopping.cancel()
        _log.error("the operator cannot go on", exc_info=life.exception())
        return 1
    _log.info("stopping")
    await process.stop()
    life.cancel()
    await asyncio.wait({life})
    return 0


class Process:
    """One operator process: its parts, connected, and the order in which they start and stop."""

    def __init__(
        self,
        settings: Settings,
        kube: Kube,
        election: Election,
        metrics: Metrics,
        access: Access,
        session: aiohttp.ClientSession,
    ) -> None:
        self._settings = settings
        self._kube = kube
        self._election = election
        self._metrics = metrics
        self._session = session
        self._cache = Cache()
        self._is_filled = False
        self._leading: asyncio.Task[None] | None = None
        self._queue = WorkQueue(clock=time.monotonic, random=random.random)
        self._scaler_metrics = ScalerMetrics(metrics.registry)
        intake = Intake(self._cache, add=self._queue.add, listed=self._listed, seen=metrics.seen)
        self._sweeper = Sweeper(kube, self._cache, intake.notify, clock=time.monotonic)
        self._streams = Streams(time.monotonic, self._listed)
        login = Login(access, self._streams.middleware, clock=time.monotonic)
        self._watcher = Watcher(intake.receive, login.open, login.abandoned_seconds)
        checks = {"/healthz": self.unhealthy, "/readyz": self.unready}
        self.vitals = Vitals(checks, time.monotonic)
        self._register_gauges()

    def _workshop(self, decisions: Decisions) -> Workshop:
        settings = self._settings
        reconciler = Reconciler(
            Collaborators(
                kube=self._kube,
                cache=self._cache,
                policy=BoundPolicy(settings),
                recorder=Recorder(self._kube, instance=settings.pod_name, now=_now),
                smoke=Verifier(smoke_test, settings),
                read_progress=partial(read_progress, self._session),
                decisions=decisions,
                forget_decision=decisions.forget,
                now=_now,
            )
        )
        return Workshop(
            queue=self._queue,
            reconciler=reconciler,
            resync_seconds=settings.resync_seconds,
            random=random.random,
            on_pass=self._metrics.passed,
        )

    def _listed(self, kind: str) -> None:
        self._sweeper.listed(kind)

    async def live(self) -> None:
        """Fill the cache, watch, and work while leading. Ends only by an error."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.vitals.beat())
            tasks.create_task(watch_lag(self._metrics.woke_late_by, clock=time.monotonic))
            await prefill(self._kube, self._cache, asyncio.sleep)
            self._is_filled = True
            tasks.create_task(self._watcher.run())
            tasks.create_task(self._sweeper.run())
            self._leading = tasks.create_task(self._lead())

    async def _lead(self) -> None:
        """Lead whenever the lease is won; in between stand by, with the cache kept warm.

        An outage of the API server that outlasts the lease costs no restart, and so none of the
        kubelet's growing waits between restarts.
        """
        while True:
            _log.info("waiting for the lease", lease=LEASE_NAME)
            await self._election.acquire()
            _log.info("leading")
            try:
                await self._term()
            except* LeadershipLost as lost:
                _log.warning("not leading any more; standing by", error=str(lost.exceptions[0]))
            except* ClockSet as jump:
                _log.warning("beginning anew", error=str(jump.exceptions[0]))
            finally:
                self._scaler_metrics.forget_all()

    async def _term(self) -> None:
        """Work until the lease is lost or the clock is set.

        Nothing but the cache is remembered from earlier terms: no rate, no wait, no hold.
        """
        decisions = Decisions(self._cache, self._queue.add)
        shop = self._workshop(decisions)
        self._queue.begin()
        for obj in self._cache.of_kind(KIND):
            self._queue.add((obj["metadata"]["namespace"], obj["metadata"]["name"]))
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._election.keep())
            tasks.create_task(watch_clock(wall=_now, steady=time.monotonic))
            tasks.create_task(self._scale(decisions))
            for _ in range(self._settings.workers):
                tasks.create_task(work(shop))

    async def _scale(self, decisions: Decisions) -> None:
        policy = BoundPolicy(self._settings)
        interval = self._settings.scrape_seconds
        source, reading_interval = _signal_source(self._settings, self._session)
        await scaler.run(
            ScalingTargets(self._cache, policy.parse, self._settings),
            decisions.publish,
            scaler=scaler.Scaler(
                source,
                self._scaler_metrics,
                reading_interval,
                self._settings.gpus_per_namespace,
                _wake_ups(self._settings, self._session),
            ),
            interval=interval,
            clock=_WallClock(),
        )

    async def stop(self) -> None:
        """Let passes in work finish, give the lease back, and close the watches."""
        self._queue.close()
        await asyncio.gather(self._hand_over(), self._watcher.stop())

    async def _hand_over(self) -> None:
        await self._drain()
        if self._leading is not None:
            # Nothing of ours may be under way when another leads.
            self._leading.cancel()
            await asyncio.wait({self._leading})
        await self._give_back()

    async def _drain(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_SECONDS):
                await self._queue.drained()

    async def _give_back(self) -> None:
        try:
            async with asyncio.timeout(RELEASE_SECONDS):
                await self._election.release()
        except (ApiError, TimeoutError) as error:
            _log.warning("lease not given back; it expires by itself", error=str(error))

    def unhealthy(self) -> str | None:
        """What a restart would repair; None while all is well."""
        if not self._is_filled:
            return None
        if (silent := self._watcher.silent_seconds()) > SILENCE_SECONDS:
            return f"The watcher's event loop has not turned for {silent:.0f} s."
        if dead := self._streams.dead():
            return f"Not watched any more: {', '.join(dead)}."
        if SILENCE_SECONDS < (age := self._election.age()) < math.inf:
            return f"The lease was renewed {age:.0f} s ago and the work has not ended."
        return stuck(self._queue) if self._election.held() else None

    def unready(self) -> str | None:
        """What is missing to take over: leading is not, so that a standby counts as ready."""
        if not self._is_filled:
            return "The first lists are not complete."
        if unopened := self._streams.unopened():
            return f"Not watched yet: {', '.join(unopened)}."
        return None

    def _register_gauges(self) -> None:
        gauge, queue = self._metrics.gauge, self._queue
        gauge("trifocal_queue_depth", "Objects that are due.", lambda: float(queue.depth()))
        gauge(
            "trifocal_queue_oldest_seconds",
            "Wait of the oldest one; 0 on a standby, where all wait.",
            lambda: queue.oldest_seconds() if self._election.held() else 0.0,
        )
        gauge("trifocal_passes_in_progress", "Objects in work.", lambda: float(queue.in_work()))
        gauge("trifocal_leader", "1 while leading.", lambda: float(self._election.held()))
        gauge(
            "trifocal_watcher_silent_seconds",
            "Since the watcher's event loop turned.",
            self._watcher.silent_seconds,
        )


def stuck(queue: WorkQueue) -> str | None:
    """Whether work has come to a stop."""
    longest = queue.longest_pass()
    if longest is not None and longest[1] > STUCK_SECONDS:
        (namespace, name), seconds = longest
        return f"A pass over {namespace}/{name} has not ended for {seconds:.0f} s."
    if (seconds := queue.stuck_seconds()) > STUCK_SECONDS:
        return f"The queue has not moved for {seconds:.0f} s."
    return None


def _prometheus(
    settings: Settings,
    session: aiohttp.ClientSession,
    url: str | None,
    limits: QueryLimits = DEFAULT_LIMITS,
) -> PrometheusClient | None:
    """The operator's Prometheus, or what stands before it; None where there is none."""
    if url is None:
        return None
    access = PrometheusAccess(
        url=url,
        token_file=settings.prometheus_token_file,
        basic_auth=settings.prometheus_basic_auth,
        ca_file=settings.prometheus_ca_file,
    )
    return PrometheusClient(session, access, limits)


def _signal_source(
    settings: Settings, session: aiohttp.ClientSession
) -> tuple[scaler.Source, float]:
    """Where the scaler learns what pods have counted, and how often there is something new."""
    prometheus = _prometheus(settings, session, settings.prometheus_url)
    if settings.scaling_signal == "pods" or prometheus is None:
        return Scraper(session, _now), settings.scrape_seconds
    interval = max(settings.scrape_seconds, settings.prometheus_scrape_seconds)
    labels = PodLabels(
        namespace=settings.prometheus_namespace_label, pod=settings.prometheus_pod_label
    )
    max_age = scaler.rate_window(interval)
    return PrometheusSource(prometheus, _now, max_age=max_age, labels=labels), interval


def _wake_ups(settings: Settings, session: aiohttp.ClientSession) -> WakeUpSource:
    """Who asks users' queries: nobody, unless the administrator allows it."""
    url = settings.wake_up_prometheus_url or settings.prometheus_url
    prometheus = _prometheus(settings, session, url, LIMITS)
    if prometheus is None or not settings.wake_up_queries:
        return NobodyAsks(
            "Wake-up queries are asked only where the administrator sets wakeUp.queries and "
            "prometheus.url in the chart."
        )
    return WakeUps(through(prometheus, settings.wake_up_namespace_parameter), _now)


class _WallClock:
    """Time as the scaling loop needs it."""

    def now(self) -> datetime:
        return _now()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


def _now() -> datetime:
    return datetime.now(UTC)
