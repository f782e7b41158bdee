"""How many serving pods are wanted: the policy that turns spec, decision and history into a number.

| spec.scaling | decision | stored status | live pods | replicas              |
|--------------|----------|---------------|-----------|-----------------------|
| unset        | any      | any           | any       | spec.replicas         |
| set          | n        | any           | any       | n, within the bounds  |
| set          | none     | n             | any       | n, within the bounds  |
| set          | none     | none          | n         | n, within the bounds  |
| set          | none     | none          | none      | minReplicas, but one  |

No data is no reason to scale: after a restart of the operator the number stays what it was.
"""

from trifocal.api.modeldeployment import ModelDeployment
from trifocal.autoscaling.decision import ScaleDecision
from trifocal.autoscaling.reason import ScaleReason


def desired_replicas(md: ModelDeployment, *, decided: int | None, live: int | None) -> int:
    """Serving pods of the revision that has, or will have, the traffic."""
    scaling = md.spec.scaling
    if scaling is None:
        return md.spec.replicas
    known = (decided, _stored(md), live, max(scaling.min_replicas, 1))
    last = next(n for n in known if n is not None)
    return min(max(last, scaling.min_replicas), scaling.max_replicas)


def decision_on(md: ModelDeployment, decision: ScaleDecision | None) -> ScaleDecision | None:
    """The scaler's decision, unless it is about a spec that did, or did not yet, scale.

    It is a pass behind when spec.scaling is set or taken out, and its reason would be told for a
    number that it has nothing to do with.
    """
    if decision is None:
        return None
    was_scaled = decision.reason != ScaleReason.NOT_SCALED
    return decision if was_scaled == (md.spec.scaling is not None) else None


def enough_replicas(md: ModelDeployment, desired: int) -> int:
    """Ready pods from which on the model counts as available.

    Under the scaler it is the lower bound: a peak that asks for more pods does not make a model
    that answers unavailable, and Ready does not flap with the load. One that may have no pods
    answers with one.
    """
    if md.spec.scaling is None:
        return desired
    return min(max(md.spec.scaling.min_replicas, 1), desired)


def _stored(md: ModelDeployment) -> int | None:
    scaling = md.status.get("scaling") or {}
    stored = scaling.get("desiredReplicas")
    return stored if isinstance(stored, int) else None
