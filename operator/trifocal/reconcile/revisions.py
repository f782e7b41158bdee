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
    name_of,
    product_of,
    replicas_of,
    revision_of,
    unscheduled,
)
from trifocal.reconcile.observed import Manifest, Observed
from trifocal.reconcile.trouble import Trouble

PROVED_AT_ANNOTATION = f"{GROUP}/proved-at"
"""On a revision's Deployment: when it had proved itself and was first given the traffic. The newest
one is what served, should the Service be deleted."""
REFUSED_ANNOTATION = f"{GROUP}/refused"
"""On a revision's Deployment: JSON with the reason and message why it never gets traffic. It
outlives the operator and the pods, so a refused revision costs no accelerators while it waits for
a new spec. Deleting the Deployment, or all of them, tries it again."""
MADE_ROOM_ANNOTATION = f"{GROUP}/made-room"
"""On the serving revision's Deployment: see `make_room`."""


@dataclass(frozen=True, kw_only=True)
class Revision:
    """One revision as it stands in the cluster."""

    hash: str
    """As labels hold it."""
    deployments: tuple[Manifest, ...] = ()
    """One; or one for each GPU product, where the spec names several."""
    pods: tuple[Manifest, ...] = ()
    """Pods that are not on their way out and not finished."""
    leaving: int = 0
    """Pods that are on their way out and still hold what they were given."""

    @property
    def deployment(self) -> Manifest | None:
        """The first of its Deployments, for what is the same for all."""
        return next(iter(self.deployments), None)

    @property
    def replicas(self) -> int:
        """Pods that it is to have: the cheapest product's Deployment asks for all of them."""
        return max(map(replicas_of, self.deployments), default=0)

    @property
    def held(self) -> int:
        """Pods that its Deployments ask for, less those that wait for a node."""
        return sum(map(self.held_by, self.deployments))

    def held_by(self, deployment: Manifest) -> int:
        """The same of one of its Deployments."""
        waiting = sum(unscheduled(pod) is not None for pod in self.pods_of(deployment))
        return max(replicas_of(deployment) - waiting, 0)

    def pods_of(self, deployment: Manifest) -> tuple[Manifest, ...]:
        """Its pods that are for the Deployment's product."""
        product = product_of(deployment)
        return tuple(pod for pod in self.pods if product_of(pod) == product)

    def notes(self, key: str) -> tuple[str, ...]:
        """An annotation as its Deployments have it; a crash may have left it out of some."""
        found = (annotation(deployment, key) for deployment in self.deployments)
        return tuple(text for text in found if text)

    @property
    def ready(self) -> tuple[Manifest, ...]:
        """Pods that a Service would send traffic to."""
        return tuple(pod for pod in self.pods if is_ready(pod))

    @property
    def refused(self) -> Trouble | None:
        """Why it was given up, as recorded on its Deployment."""
        texts = self.notes(REFUSED_ANNOTATION)
        if not texts:
            return None
        told = json.loads(texts[0])
        return Trouble(reason=Reason(told["reason"]), message=told["message"])

    @property
    def crashes(self) -> int:
        """Restarts of the pod that restarted most."""
        return max(
            (int(s.get("restartCount", 0)) for pod in self.pods for s in container_statuses(pod)),
            default=0,
        )


def read_revision(observed: Observed, revision_hash: str) -> Revision:
    """The revision of that hash; one without Deployments and pods, if there is none."""
    mine = [d for d in observed.deployments if revision_of(d) == revision_hash]
    pods = [p for p in observed.pods if revision_of(p) == revision_hash and not is_finished(p)]
    return Revision(
        hash=revision_hash,
        deployments=tuple(sorted((d for d in mine if not is_deleting(d)), key=name_of)),
        pods=tuple(pod for pod in pods if not is_deleting(pod)),
        leaving=sum(is_deleting(pod) for pod in pods),
    )


def gave_room(serving: Revision, wanted: Revision) -> bool:
    """Whether the serving revision has given up pods so that the wanted one finds a place."""
    notes = serving.notes(MADE_ROOM_ANNOTATION)
    return any(note.partition(".")[0] == wanted.hash for note in notes)
