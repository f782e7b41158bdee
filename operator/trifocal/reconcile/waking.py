"""When to look again although nothing has changed: the policy of waiting, in one place."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from trifocal.api.modeldeployment import ModelDeployment
from trifocal.autoscaling.reason import ScaleReason
from trifocal.reconcile import headroom, products
from trifocal.reconcile.assessment import Assessment
from trifocal.reconcile.children import instant
from trifocal.reconcile.observed import Manifest, Observed
from trifocal.reconcile.optimizing import RETRY_AFTER, Optimization, Stage, is_transient
from trifocal.reconcile.pruning import drain_ends
from trifocal.reconcile.resting import awake_until
from trifocal.reconcile.rollout import Rollout
from trifocal.reconcile.scaling_report import is_news, until_turn
from trifocal.reconcile.sizing import patience
from trifocal.settings import Settings

PROGRESS_INTERVAL = timedelta(seconds=3)
"""How often a running optimization is asked how far it is, while it is young..."""
PROGRESS_SHARE = 0.05
"""...and later: after this share of the time that it has taken. A reader sees it move all the
same, and a thousand long Jobs do not keep the operator busy."""
LONGEST_PROGRESS_INTERVAL = timedelta(seconds=30)
"""Within which trouble must be told."""
TROUBLE_INTERVAL = timedelta(seconds=10)
"""How often what no watch tells is looked at: events, missing claims. A third of the 30 s
within which trouble must be told."""
SMOKE_INTERVAL = timedelta(seconds=5)
"""How soon a pod that could not be asked is asked again."""


def look_again(
    md: ModelDeployment,
    observed: Observed,
    found: Assessment,
    settings: Settings,
    now: datetime,
) -> timedelta | None:
    """The soonest of all that is waited for; None when only a change can matter."""
    waits = [
        *(wait for each in found.optimizations for wait in _for_optimization(each, now)),
        *_for_pods(found, observed),
        *_for_products(found.rollout, settings, now),
        *_for_drain(found.rollout, now),
        *_for_scaling(md, found, now),
        *headroom.until_changes(md, now),
    ]
    return min(waits, default=None)


def _for_optimization(optimization: Optimization, now: datetime) -> Iterator[timedelta]:
    if optimization.stage is Stage.RUNNING:
        pod = optimization.running_pod
        yield TROUBLE_INTERVAL if pod is None else _until_progress(pod, now)
    elif optimization.stage is Stage.BLOCKED:
        yield TROUBLE_INTERVAL
    elif optimization.stage is Stage.FAILED and is_transient(optimization.result):
        yield RETRY_AFTER


def _until_progress(pod: Manifest, now: datetime) -> timedelta:
    taken = now - instant(pod["metadata"]["creationTimestamp"])
    return min(max(PROGRESS_INTERVAL, taken * PROGRESS_SHARE), LONGEST_PROGRESS_INTERVAL)


def _for_pods(found: Assessment, observed: Observed) -> Iterator[timedelta]:
    rollout = found.rollout
    if rollout.wanted is None or rollout.refused:
        return
    if rollout.is_rolling and observed.smoke is not None and not observed.smoke.passed:
        yield SMOKE_INTERVAL
    pods = found.wanted_pods
    if len(rollout.wanted.ready) < pods or (rollout.is_rolling and pods > 0):
        yield TROUBLE_INTERVAL


def _for_products(rollout: Rollout, settings: Settings, now: datetime) -> Iterator[timedelta]:
    for revision in (rollout.wanted, rollout.serving):
        yield from products.until_changes(revision, patience=patience(settings), now=now)


def _for_drain(rollout: Rollout, now: datetime) -> Iterator[timedelta]:
    ends = drain_ends(rollout)
    if ends is not None:
        yield ends - now if ends > now else TROUBLE_INTERVAL


def _for_scaling(md: ModelDeployment, found: Assessment, now: datetime) -> Iterator[timedelta]:
    """News that has to wait for its turn, and the end of what a rollout makes of a decision."""
    decision = found.decision
    if decision is None:
        return
    if is_news(md.status.get("scaling"), decision, found.desired):
        yield until_turn(md, now)
    until = awake_until(md, found.rollout.switched_at)
    if decision.reason == ScaleReason.JUST_ROLLED_OUT and until is not None:
        yield until - now
