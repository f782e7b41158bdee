"""Why a revision has fewer ready pods than it should: its pods' and owners' words."""

from trifocal.reconcile.children import product_of, revision_of, unscheduled
from trifocal.reconcile.observed import Manifest, Observed
from trifocal.reconcile.pod_trouble import first_trouble, refused_pods
from trifocal.reconcile.products import Division
from trifocal.reconcile.revisions import Revision
from trifocal.reconcile.trouble import Trouble


def trouble_of(
    revision: Revision, observed: Observed, division: Division | None = None
) -> Trouble | None:
    """The first trouble of its pods; else why there are no pods.

    A pod that waits for a GPU product while another product has room is no trouble; `division` is
    the revision's, where that is known.
    """
    pods = [
        pod
        for pod in observed.pods
        if revision_of(pod) == revision.hash and not _has_deputy(pod, division)
    ]
    found = first_trouble(pods, observed.events)
    if found is not None or revision.deployment is None:
        return found
    replica_sets = (r for r in observed.replica_sets if revision_of(r) == revision.hash)
    return refused_pods((*revision.deployments, *replica_sets), observed.events)


def _has_deputy(pod: Manifest, division: Division | None) -> bool:
    if division is None or division.lacking or unscheduled(pod) is None:
        return False
    return product_of(pod) in {s.product for s in division.shares if not s.has_room}
