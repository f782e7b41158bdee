"""How many pods each revision's Deployment asks for while the traffic moves.

| revision                      | replicas                                             |
|-------------------------------|------------------------------------------------------|
| wanted, refused               | 0: it costs nothing while it waits for a new spec    |
| wanted                        | desired; one at least until it has proved itself,    |
|                               | see `resting`                                        |
| serving, not wanted           | desired, less what it gave up for the wanted one     |
| had the traffic before        | unchanged until the drain hold ends                  |
"""

from datetime import datetime

from trifocal.reconcile.make_room import gives_up_pod
from trifocal.reconcile.revisions import gave_room
from trifocal.reconcile.rollout import Rollout


def wanted_size(rollout: Rollout, wanted_pods: int) -> int:
    """Pods of the wanted revision."""
    return 0 if rollout.refused else wanted_pods


def serving_size(rollout: Rollout, desired: int, now: datetime) -> int:
    """Pods of the revision that has the traffic, where that is not the wanted one."""
    wanted, serving = rollout.wanted, rollout.serving
    if wanted is None or serving is None or rollout.refused:
        return desired
    if gives_up_pod(rollout, now):
        return min(desired, serving.replicas - 1)
    if gave_room(serving, wanted):
        return min(desired, serving.replicas)
    return desired
