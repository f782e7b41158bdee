"""When something happens next without anybody's doing. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final

from trifocal.api.condition import Reason
from trifocal.cli.durations import said
from trifocal.cli.seen import Seen
from trifocal.reconcile.children import condition, instant, named
from trifocal.reconcile.observed import Manifest
from trifocal.reconcile.optimizing import RETRY_AFTER, is_transient
from trifocal.reconcile.queue import BACKOFF_CAP_SECONDS
from trifocal.reconcile.waking import SMOKE_INTERVAL, TROUBLE_INTERVAL

KUBELET_CAP = timedelta(minutes=5)
"""The kubelet's longest wait before it starts a container or pulls an image again (kubelet
`MaxContainerBackOff` and image back-off, both 300 s by default)."""

_MISSING = f"Trifocal looks every {said(TROUBLE_INTERVAL)} and goes on when it is there"
_KUBELET = f"the kubelet tries again by itself, at least every {said(KUBELET_CAP)}"
_REFUSED_WRITE = (
    f"Trifocal tries again by itself, at least every {said(timedelta(seconds=BACKOFF_CAP_SECONDS))}"
)
_SCALER = "the scaler looks again within seconds"

_BY_REASON: Final[Mapping[Reason, str]] = MappingProxyType(
    {
        Reason.SECRET_MISSING: "the kubelet tries again by itself and goes on when it is there",
        Reason.CLAIM_MISSING: _MISSING,
        Reason.SERVICE_ACCOUNT_MISSING: _MISSING,
        Reason.NAME_TAKEN: _REFUSED_WRITE,
        Reason.SUSPENDED: "never by itself: it is suspended",
        Reason.IMAGE_NOT_CONFIGURED: "when the operator is configured, or you change the spec",
        Reason.UNSCHEDULABLE: "the scheduler tries again whenever a node changes",
        Reason.IMAGE_PULL_FAILED: _KUBELET,
        Reason.CRASHING: _KUBELET,
        Reason.ARTIFACT_UNREADABLE: _KUBELET,
        Reason.POD_REFUSED: "its controller tries again by itself, at longer and longer intervals",
        Reason.SMOKE_UNREACHABLE: f"Trifocal asks the pods again every {said(SMOKE_INTERVAL)}",
        Reason.WAKE_UP_UNKNOWN: _SCALER,
        Reason.BUDGET_LIMITED: _SCALER,
    }
)


@dataclass(frozen=True, kw_only=True)
class NextTry:
    """What happens next, and when."""

    says: str
    at: datetime | None = None
    """None where no time is set: something else has to change first."""


def next_try(seen: Seen, now: datetime, *, reason: str, stalled: bool) -> NextTry:
    """For an object that is not ready for that reason.

    Args:
        seen: the object and its children.
        now: the present time.
        reason: Ready's reason.
        stalled: whether the condition Stalled is True.
    """
    job = _job(seen)
    if job is not None and (again := _made_again(seen, job)) is not None:
        left = f"in {said(again - now)}" if again > now else "now"
        return NextTry(at=again, says=f"{left}: the optimization Job is made again")
    known = Reason(reason) if reason in set(Reason) else None
    if known is not None and known in _BY_REASON:
        return NextTry(says=_BY_REASON[known])
    if stalled:
        return NextTry(says="never by itself: the same spec would fail in the same way")
    if job is not None and (ends := _deadline(job)) is not None and ends > now:
        return NextTry(at=ends, says=f"work is under way; the Job has {said(ends - now)} left")
    return NextTry(says="work is under way; nothing has to be tried again")


def _job(seen: Seen) -> Manifest | None:
    optimization = seen.optimization
    return named(seen.observed.jobs, str(optimization.get("job")))


def _made_again(seen: Seen, job: Manifest) -> datetime | None:
    """When a Job whose failure may pass is replaced, by the operator's own rule."""
    request = seen.optimization.get("request", "")
    failed = condition(job, "Failed")
    if failed is None or failed["status"] != "True":
        return None
    if not is_transient(seen.observed.results.get(request)):
        return None
    return instant(failed["lastTransitionTime"]) + RETRY_AFTER


def _deadline(job: Manifest) -> datetime | None:
    """When the Job controller ends a Job that has started and is not done."""
    started = job.get("status", {}).get("startTime")
    if started is None or any(condition(job, kind) for kind in ("Complete", "Failed")):
        return None
    return instant(started) + timedelta(seconds=job["spec"]["activeDeadlineSeconds"])
