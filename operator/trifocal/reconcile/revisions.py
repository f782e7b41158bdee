"""One revision as it stands in the cluster, and the notes on its Deployment. Decides nothing."""

import json
from dataclasses import dataclass

from trifocal.api.condition import Reason
from trifocal.api.schema import GROUP
from trifocal.reconcile.children import (
    annotation,
    container_statuses,
    is_deleting,
    is_finished,
    is_ready,
    replicas_of,
    revision_of,
)
from trifocal.reconcile.observed import Manifest, Observed
from trifocal.reconcile.trouble import Trouble

PROVED_AT_ANNOTATION = f"{GROUP}/proved-at"
"""On a revision's Deployment: when it had proved itself and was first given the traffic. The newest
one is what served, should the Service be deleted."""
REFUSED_ANNOTATION = f"{GROUP}/refused"
"""On a revision's Deployment: JSON with the reason and message why it never gets traffic. It
outlives the operator and the pods, so a refused revision costs no accelerators while it waits for
a new spec. Deleting the Deployment tries it again."""
MADE_ROOM_ANNOTATION = f"{GROUP}/made-room"
"""On the serving revision's Deployment: see `make_room`."""


@dataclass(frozen=True, kw_only=True)
class Revision:
    """One revision as it stands in the cluster."""

    hash: str
    """As labels hold it."""
    deployment: Manifest | None = None
    pods: tuple[Manifest, ...] = ()
    """Pods that are not on their way out and not finished."""
    leaving: int = 0
    """Pods that are on their way out and still hold what they were given."""

    @property
    def replicas(self) -> int:
        """Pods that its Deployment asks for."""
        return 0 if self.deployment is None else replicas_of(self.deployment)

    @property
    def ready(self) -> tuple[Manifest, ...]:
        """Pods that a Service would send traffic to."""
        return tuple(pod for pod in self.pods if is_ready(pod))

    @property
    def refused(self) -> Trouble | None:
        """Why it was given up, as recorded on its Deployment."""
        text = self.deployment and annotation(self.deployment, REFUSED_ANNOTATION)
        if not text:
            return None
        told = json.loads(text)
        return Trouble(reason=Reason(told["reason"]), message=told["message"])

    @property
    def crashes(self) -> int:
        """Restarts of the pod that restarted most."""
        return max(
            (int(s.get("restartCount", 0)) for pod in self.pods for s in container_statuses(pod)),
            default=0,
        )


def read_revision(observed: Observed, revision_hash: str) -> Revision:
    """The revision of that hash; one without a Deployment and pods, if there is none."""
    mine = [d for d in observed.deployments if revision_of(d) == revision_hash]
    pods = [p for p in observed.pods if revision_of(p) == revision_hash and not is_finished(p)]
    return Revision(
        hash=revision_hash,
        deployment=next((d for d in mine if not is_deleting(d)), None),
        pods=tuple(pod for pod in pods if not is_deleting(pod)),
        leaving=sum(is_deleting(pod) for pod in pods),
    )


def gave_room(serving: Revision, wanted: Revision) -> bool:
    """Whether the serving revision has given up pods so that the wanted one finds a place."""
    note = serving.deployment and annotation(serving.deployment, MADE_ROOM_ANNOTATION)
    return bool(note) and str(note).partition(".")[0] == wanted.hash
