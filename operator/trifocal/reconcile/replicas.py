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


def desired_replicas(md: ModelDeployment, *, decided: int | None, live: int | None) -> int:
    """Serving pods of the revision that has, or will have, the traffic."""
    scaling = md.spec.scaling
    if scaling is None:
        return md.spec.replicas
    known = (decided, _stored(md), live, max(scaling.min_replicas, 1))
    last = next(n for n in known if n is not None)
    return min(max(last, scaling.min_replicas), scaling.max_replicas)


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
