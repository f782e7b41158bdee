"""One pass over one ModelDeployment: observe, plan, apply, verify, status, events. Nothing else.

A pass may end anywhere: what it wrote is found again by the next one.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Protocol

import structlog

from trifocal.api.manifest import InvalidSpec
from trifocal.api.modeldeployment import ModelDeployment
from trifocal.api.rule import Problem
from trifocal.api.schema import KIND
from trifocal.autoscaling.decision import ScaleDecision
from trifocal.kube.cache import Cache
from trifocal.kube.client import Kube
from trifocal.kube.recorder import Recorder
from trifocal.optimizer.contract import Progress
from trifocal.reconcile.apply import Applied, Change, apply
from trifocal.reconcile.children import is_deleting
from trifocal.reconcile.floor import Floor
from trifocal.reconcile.observe import Inquiry, children
from trifocal.reconcile.observed import Manifest, Observed, SmokeOutcome
from trifocal.reconcile.plan import Plan, SmokeOrder
from trifocal.reconcile.publisher import Publisher
from trifocal.reconcile.queue import Key

SMOKE_SECONDS = 20.0
"""For all pods of one order together: the first inference on a cold engine takes seconds."""

_log = structlog.get_logger(__name__)


class Policy(Protocol):
    """The pure parts; `trifocal.reconcile.policy` binds the real ones."""

    def parse(self, body: Manifest) -> ModelDeployment:
        """See `trifocal.api.manifest.parse`."""

    def plan(self, md: ModelDeployment, observed: Observed, now: datetime) -> Plan:
        """See `trifocal.reconcile.plan.plan`."""

    def status(
        self, md: ModelDeployment, observed: Observed, plan: Plan, now: datetime
    ) -> Mapping[str, Any]:
        """See `trifocal.reconcile.status.status`."""

    def invalid_status(
        self, body: Manifest, problems: Sequence[Problem], now: datetime
    ) -> Mapping[str, Any]:
        """See `trifocal.reconcile.status.invalid_status`."""


Smoke = Callable[[ModelDeployment, Observed, SmokeOrder], Awaitable[SmokeOutcome]]
ReadProgress = Callable[[str], Awaitable[Progress | None]]
Decisions = Callable[[Key], ScaleDecision | None]


@dataclass(frozen=True, kw_only=True)
class Collaborators:
    """Everything that a pass talks to."""

    kube: Kube
    cache: Cache
    policy: Policy
    recorder: Recorder
    smoke: Smoke
    read_progress: ReadProgress
    decisions: Decisions
    forget_decision: Callable[[Key], None]
    now: Callable[[], datetime]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a pass ended."""

    look_again: timedelta | None = None
    refused: bool = False
    """Something could not be applied: to be tried again with back-off."""
    gone: bool = False
    """There is nothing to look at again."""


GONE = Outcome(gone=True)


class Reconciler:
    """Makes passes. What it remembers between them only saves work and may be lost."""

    def __init__(self, collaborators: Collaborators) -> None:
        self._with = collaborators
        self._inquiry = Inquiry(collaborators.kube, collaborators.now)
        self._publisher = Publisher(
            collaborators.kube, collaborators.cache, collaborators.recorder, collaborators.now
        )
        self._smoked: dict[Key, tuple[str, SmokeOutcome]] = {}
        self._floor = Floor()

    async def reconcile(self, key: Key) -> Outcome:
        """Make one pass.

        Raises:
            trifocal.kube.errors.ApiError: the API server did not do its part.
        """
        body = self._with.cache.get(KIND, *key)
        if body is None or is_deleting(body):
            # The garbage collector deletes the children; writing would only bring 403s.
            self._inquiry.forget(key)
            self._publisher.forget(key)
            self._smoked.pop(key, None)
            self._with.forget_decision(key)
            return GONE
        now = self._with.now()
        try:
            async with self._floor.taken():
                md = self._with.policy.parse(body)
                observed = self._look(md)
        except InvalidSpec as invalid:
            status = self._with.policy.invalid_status(body, invalid.problems, now)
            return Outcome(look_again=await self._publisher.publish(body, status))
        observed = await self._inquiry.ask(md, observed)
        return await self._pass(body, md, observed, now)

    async def _pass(
        self, body: Manifest, md: ModelDeployment, observed: Observed, now: datetime
    ) -> Outcome:
        plan, applied = await self._act(md, observed, now)
        if plan.smoke is not None and not applied.refusals:
            self._remember(md, await self._verify(md, observed, plan.smoke))
            plan, applied = await self._act(md, self._refresh(md, observed), now)
        progress = await self._with.read_progress(plan.progress_of) if plan.progress_of else None
        async with self._floor.taken():
            final = replace(
                self._refresh(md, observed), progress=progress, refusals=applied.refusals
            )
            status = self._with.policy.status(md, final, plan, now)
        refused = bool(applied.refusals)
        untold = await self._publisher.publish(body, status, at_once=refused)
        soonest = min((t for t in (plan.look_again, untold) if t is not None), default=None)
        return Outcome(look_again=soonest, refused=refused)

    async def _act(
        self, md: ModelDeployment, observed: Observed, now: datetime
    ) -> tuple[Plan, Applied]:
        async with self._floor.taken():
            plan = self._with.policy.plan(md, observed, now)
        applied = await apply(self._with.kube, self._with.cache, md, observed, plan)
        for (kind, name), change in applied.changes.items():
            if change is not Change.UNCHANGED:
                _log.info(f"{kind} {change}", child=name)
        for refusal in applied.refusals:
            _log.warning(f"{refusal.kind} refused", child=refusal.name, error=refusal.message)
        return plan, applied

    def _look(self, md: ModelDeployment) -> Observed:
        return replace(
            children(self._with.cache, md),
            smoke=self._recall(md),
            decision=self._with.decisions(md.key),
        )

    def _refresh(self, md: ModelDeployment, observed: Observed) -> Observed:
        """The children as they are after our writes; what was asked for is kept."""
        return replace(
            self._look(md),
            events=observed.events,
            missing_references=observed.missing_references,
        )

    async def _verify(
        self, md: ModelDeployment, observed: Observed, order: SmokeOrder
    ) -> SmokeOutcome:
        try:
            async with asyncio.timeout(SMOKE_SECONDS):
                return await self._with.smoke(md, observed, order)
        except TimeoutError:
            message = f"The pods did not answer the smoke inference within {SMOKE_SECONDS:g} s."
            return SmokeOutcome(revision=order.revision, passed=False, message=message)

    def _recall(self, md: ModelDeployment) -> SmokeOutcome | None:
        uid, outcome = self._smoked.get(md.key, ("", None))
        return outcome if uid == md.metadata.uid else None

    def _remember(self, md: ModelDeployment, outcome: SmokeOutcome) -> None:
        before = self._recall(md)
        if before is not None and before.revision == outcome.revision:
            outcome = replace(outcome, checked_pods=outcome.checked_pods | before.checked_pods)
        self._smoked[md.key] = md.metadata.uid, outcome
