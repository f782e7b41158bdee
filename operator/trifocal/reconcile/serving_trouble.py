"""Why a revision has fewer ready pods than it should: its pods' and owners' words."""

from trifocal.reconcile.children import revision_of
from trifocal.reconcile.observed import Observed
from trifocal.reconcile.pod_trouble import first_trouble, refused_pods
from trifocal.reconcile.revisions import Revision
from trifocal.reconcile.trouble import Trouble


def trouble_of(revision: Revision, observed: Observed) -> Trouble | None:
    """The first trouble of its pods; else why there are no pods."""
    pods = [pod for pod in observed.pods if revision_of(pod) == revision.hash]
    found = first_trouble(pods, observed.events)
    if found is not None or revision.deployment is None:
        return found
    replica_sets = (r for r in observed.replica_sets if revision_of(r) == revision.hash)
    return refused_pods((revision.deployment, *replica_sets), observed.events)
