"""How many places are kept free, and for which pods: the policy of headroom.

| spec, rollout                                  | placeholders                                   |
|------------------------------------------------|------------------------------------------------|
| no headroom                                    | no Deployment                                  |
| no revision to start or serve yet              | no Deployment: nothing could take the place    |
| replicas, and the schedules that run           | the largest                                    |
| spec.scaling                                   | no more than maxReplicas less wanted replicas  |
| replicas 0, by a person or the scaler          | as ever: the first pod finds its place         |
| suspended                                      | untouched, like all else                       |

They are shaped after the pods that start next: the wanted revision's, or the serving one's while
the other is not known yet or was refused. Where any of several GPU products would do, they are for
the cheapest.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from trifocal.api.modeldeployment import ModelDeployment
from trifocal.api.status import MAX_TEXT, HeadroomStatus
from trifocal.autoscaling.schedule import is_running, next_change
from trifocal.reconcile.children import replicas_of
from trifocal.reconcile.observed import Manifest, Observed
from trifocal.reconcile.pod_trouble import refused_pods
from trifocal.reconcile.refused_children import refused_headroom
from trifocal.reconcile.rollout import Rollout


def is_kept(md: ModelDeployment) -> bool:
    """Whether places are to be kept free, now or at some time."""
    headroom = md.spec.serving.headroom
    return headroom is not None and (headroom.replicas > 0 or bool(headroom.schedules))


def places(md: ModelDeployment, desired: int, now: datetime) -> int:
    """Placeholders that are wanted; `desired` is the number of serving pods that are."""
    headroom, scaling = md.spec.serving.headroom, md.spec.scaling
    if headroom is None:
        return 0
    running = (each.replicas for each in headroom.schedules if is_running(each, now))
    asked = max((headroom.replicas, *running))
    return asked if scaling is None else min(asked, max(scaling.max_replicas - desired, 0))


def shaped_after(rollout: Rollout, wanted: Manifest | None) -> Manifest | None:
    """The Deployment whose pods start next; `wanted` is the wanted revision's as it is applied."""
    if wanted is not None and rollout.refused is None:
        return wanted
    return rollout.serving.deployment if rollout.serving else None


def until_changes(md: ModelDeployment, now: datetime) -> Iterator[timedelta]:
    """Times until a schedule starts or ends."""
    headroom = md.spec.serving.headroom
    changes = (next_change(each, now) for each in (headroom.schedules if headroom else ()))
    return (time - now for time in changes if time is not None)


def headroom_status(md: ModelDeployment, observed: Observed) -> HeadroomStatus | None:
    """What the Deployment reports: it changes only when a place is taken, held or asked for."""
    refusal = refused_headroom(md, observed)
    live = next(iter(observed.headroom), None)
    if live is None and refusal is None:
        return None
    trouble = refusal or (refused_pods((live,), ()) if live else None)
    return HeadroomStatus(
        replicas=replicas_of(live) if live else 0,
        ready_replicas=int(live.get("status", {}).get("readyReplicas", 0)) if live else 0,
        message=trouble.message[:MAX_TEXT] if trouble else None,
    )
