"""Which revision has the traffic, and when it changes: the policy of the rollout.

Traffic is the Service's selector, one field, so it moves at once and wholly. It moves

* forward, to the wanted revision, when enough of its pods are ready, have not just crashed, and
  have each given the recorded answers (`Rollout.proven`);
* back, to the revision that had it before, when the wanted one has no ready pod left while the
  drain hold still keeps the other one's pods.

The Service exists from the first pass on. Until a revision has proved itself it selects the
revision `none`, which no pod carries: clients get a refused connection at once and a name that
resolves (a missing name would be remembered as missing), and no unproved pod ever answers.

Enough is what serves now, never more than desired and at least one, so a switch takes no capacity
away; a revision without one ready pod is left as soon as anything better is proved.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from trifocal.api import names
from trifocal.api.condition import Reason
from trifocal.api.schema import GROUP
from trifocal.reconcile.children import (
    annotation,
    container_statuses,
    instant,
    revision_of,
    uid_of,
)
from trifocal.reconcile.observed import Manifest, Observed, SmokeOutcome
from trifocal.reconcile.pod_trouble import first_trouble, last_failure
from trifocal.reconcile.revisions import (
    PROVED_AT_ANNOTATION,
    Revision,
    gave_room,
    read_revision,
)
from trifocal.reconcile.trouble import Trouble

NO_REVISION = "none"
"""What the Service selects before anything has proved itself; hashes are hexadecimal."""

SWITCHED_AT_ANNOTATION = f"{GROUP}/switched-at"
"""On the Service: when the traffic last moved."""
CLOCK_SKEW = timedelta(seconds=10)
"""By which two replicas' clocks may differ at most."""
PREVIOUS_ANNOTATION = f"{GROUP}/previous-revision"
"""On the Service: which revision had the traffic before that."""

DRAIN_HOLD = timedelta(seconds=30)
"""Pods of the revision that lost the traffic stay this long: endpoint changes have reached every
node by then, connections that clients keep have drained, and going back costs nothing."""

SETTLED_AFTER = timedelta(seconds=60)
"""A pod that crashed less than this ago proves nothing by being ready."""

CRASHES_REFUSED = 3
"""Crashes after which a revision that others stopped for is given up, so that they return."""


@dataclass(frozen=True, kw_only=True)
class Rollout:
    """Where the traffic is and where it goes."""

    wanted: Revision | None
    """None while there is no artifact for this spec."""
    serving: Revision | None
    """What the Service selects; None before the first switch."""
    previous: Revision | None
    """What had the traffic before, while its Deployment is still there."""
    switched_at: datetime | None
    selected: str
    """What the Service is to select."""
    proven: tuple[Manifest, ...] = ()
    """Pods of the wanted revision that could take the traffic."""
    unproven: tuple[Manifest, ...] = ()
    """Ready pods of the wanted revision that have not been asked yet."""
    needed: int = 0
    """Pods that must be proven before traffic moves."""
    refused: Trouble | None = None
    """Why the wanted revision never gets the traffic."""

    @property
    def is_rolling(self) -> bool:
        """Whether the wanted revision has yet to get the traffic."""
        return self.wanted is not None and self.selected != self.wanted.hash


def assess(
    observed: Observed, *, service: Manifest | None, wanted: str | None, desired: int, now: datetime
) -> Rollout:
    """What the Service should select, and everything that decides it."""
    revisions = {h: read_revision(observed, h) for h in _hashes(observed, service, wanted)}
    target = revisions[wanted] if wanted else None
    serving = _serving(observed, revisions, service)
    previous = revisions.get((service and annotation(service, PREVIOUS_ANNOTATION)) or "")
    is_serving = target is not None and target is serving
    smoke = _about(observed.smoke, target)
    rollout = Rollout(
        wanted=target,
        serving=serving,
        previous=previous if previous and previous.deployments else None,
        switched_at=switched_at(service, now),
        selected=serving.hash if serving else NO_REVISION,
        proven=_proven(target, smoke, now),
        unproven=_unproven(target, smoke),
        needed=_needed(serving, desired),
        refused=None if is_serving else _refused(target, smoke, serving),
    )
    return _moved(rollout)


def _moved(rollout: Rollout) -> Rollout:
    wanted, previous = rollout.wanted, rollout.previous
    if wanted is None:
        return rollout
    if wanted is not rollout.serving:
        may_switch = rollout.refused is None and len(rollout.proven) >= rollout.needed
        return replace(rollout, selected=wanted.hash) if may_switch else rollout
    if previous is not None and previous.ready and not wanted.ready:
        return replace(rollout, selected=previous.hash)
    return rollout


def _hashes(observed: Observed, service: Manifest | None, wanted: str | None) -> frozenset[str]:
    labelled = (revision_of(d) for d in observed.deployments)
    selected = _selected(service)
    return frozenset(h for h in (*labelled, selected, wanted) if h and h != NO_REVISION)


def _serving(
    observed: Observed, revisions: Mapping[str, Revision], service: Manifest | None
) -> Revision | None:
    if service is not None:
        return revisions.get(_selected(service) or "")
    proved = [d for d in observed.deployments if annotation(d, PROVED_AT_ANNOTATION)]
    newest = max(proved, key=lambda d: annotation(d, PROVED_AT_ANNOTATION) or "", default=None)
    return None if newest is None else revisions.get(revision_of(newest) or "")


def _selected(service: Manifest | None) -> str | None:
    selector = service.get("spec", {}).get("selector", {}) if service else {}
    found = selector.get(names.REVISION_LABEL)
    return None if found is None else str(found)


def switched_at(service: Manifest | None, now: datetime) -> datetime | None:
    """When the traffic last moved; None where it never did.

    What a clock wrote that was ahead by more than `CLOCK_SKEW` says nothing: a drain that began in
    an hour would end in an hour.
    """
    text = annotation(service, SWITCHED_AT_ANNOTATION) if service else None
    found = instant(text) if text else None
    return None if found is None or found > now + CLOCK_SKEW else found


def _about(smoke: SmokeOutcome | None, wanted: Revision | None) -> SmokeOutcome | None:
    if smoke is None or wanted is None:
        return None
    return smoke if smoke.revision[: names.HASH_LENGTH] == wanted.hash else None


def _proven(
    wanted: Revision | None, smoke: SmokeOutcome | None, now: datetime
) -> tuple[Manifest, ...]:
    if wanted is None or smoke is None:
        return ()
    return tuple(
        pod
        for pod in wanted.ready
        if uid_of(pod) in smoke.checked_pods and not _crashed_lately(pod, now)
    )


def _unproven(wanted: Revision | None, smoke: SmokeOutcome | None) -> tuple[Manifest, ...]:
    if wanted is None:
        return ()
    checked = smoke.checked_pods if smoke else frozenset()
    return tuple(pod for pod in wanted.ready if uid_of(pod) not in checked)


def _crashed_lately(pod: Manifest, now: datetime) -> bool:
    ends = (last_failure(status) for status in container_statuses(pod))
    times = (instant(end["finishedAt"]) for end in ends if end and end.get("finishedAt"))
    return any(now - time < SETTLED_AFTER for time in times)


def _needed(serving: Revision | None, desired: int) -> int:
    if serving is None or not serving.ready:
        return 1
    return max(1, min(desired, serving.held))


def _refused(
    wanted: Revision | None, smoke: SmokeOutcome | None, serving: Revision | None
) -> Trouble | None:
    if wanted is None:
        return None
    if wanted.refused is not None:
        return wanted.refused
    if smoke is not None and smoke.differs:
        return Trouble(reason=Reason.ANSWERS_DIFFER, message=smoke.message)
    if wanted.crashes < CRASHES_REFUSED or serving is None or not gave_room(serving, wanted):
        return None
    return first_trouble(wanted.pods, ()) or Trouble(
        reason=Reason.CRASHING, message=f"Its pods crashed {wanted.crashes} times."
    )
