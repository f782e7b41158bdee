"""One operator process: its parts, connected. Every part is made elsewhere."""

import asyncio
import math
import random
import time
from contextlib import suppress
from datetime import datetime
from functools import partial

import aiohttp
import structlog

from trifocal.api.schema import KIND
from trifocal.autoscaling import scaler
from trifocal.autoscaling.metrics import ScalerMetrics
from trifocal.cli.operator import wall_clock
from trifocal.cli.operator.signal_source import signal_source, wake_ups
from trifocal.clock_set import ClockSet, watch_clock
from trifocal.handlers.intake import Intake
from trifocal.handlers.login import Login
from trifocal.handlers.streams import Streams
from trifocal.handlers.watcher import Watcher
from trifocal.kube.access import Access
from trifocal.kube.cache import Cache
from trifocal.kube.client import Kube
from trifocal.kube.errors import ApiError
from trifocal.kube.lease import LEASE_NAME, Election, LeadershipLost
from trifocal.kube.recorder import Recorder
from trifocal.kube.resync import Sweeper, prefill
from trifocal.loop_lag import watch_lag
from trifocal.probes import SILENCE_SECONDS, Vitals
from trifocal.reconcile.policy import BoundPolicy
from trifocal.reconcile.progress import read_progress
from trifocal.reconcile.queue import WorkQueue
from trifocal.reconcile.reconciler import Collaborators, Reconciler
from trifocal.reconcile.scaling_targets import Decisions, ScalingTargets
from trifocal.reconcile.verify import Verifier
from trifocal.reconcile.workers import Workshop, work
from trifocal.settings import Settings
from trifocal.telemetry import Metrics
from trifocal.triton.smoke import smoke_test

DRAIN_SECONDS = 1.0
"""At SIGTERM, passes in work may finish; one that waits longer is made again by the next leader."""
RELEASE_SECONDS = 0.5
STUCK_SECONDS = 300.0
"""A pass ends after 120 s at the latest, and a queue moves meanwhile; one that does neither for
this long will not by itself."""
_log = structlog.get_logger(__name__)


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
                recorder=Recorder(self._kube, instance=settings.pod_name, now=wall_clock.now),
                smoke=Verifier(smoke_test, settings),
                read_progress=partial(read_progress, self._session),
                decisions=decisions,
                forget_decision=decisions.forget,
                now=wall_clock.now,
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
            self._streams.begin(await prefill(self._kube, self._cache, asyncio.sleep))
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
        for key in self._cache.uids(KIND):
            self._queue.add(key)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._election.keep())
            tasks.create_task(watch_clock(wall=wall_clock.now, steady=time.monotonic))
            tasks.create_task(self._scale(decisions))
            for _ in range(self._settings.workers):
                tasks.create_task(work(shop))

    async def _scale(self, decisions: Decisions) -> None:
        policy = BoundPolicy(self._settings)
        interval = self._settings.scrape_seconds
        source, reading_interval = signal_source(self._settings, self._session)
        await scaler.run(
            ScalingTargets(self._cache, policy.parse, self._settings),
            decisions.publish,
            scaler=scaler.Scaler(
                source,
                self._scaler_metrics,
                reading_interval,
                self._settings.gpus_per_namespace,
                wake_ups(self._settings, self._session),
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


class _WallClock:
    """Time as the scaling loop needs it."""

    def now(self) -> datetime:
        return wall_clock.now()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
