"""A HorizontalPodAutoscaler as another writer of the number of replicas.

Its controller needs no metrics to bring a number into its bounds, which is all that is asked of
it here.
"""

import time
from collections import Counter

import pytest

from tests.autoscalers.fleet import APPLY, HPA_SECONDS, Fleet, Manifest, manifest
from tests.autoscalers.machines import T4

_QUIET_SECONDS = 5 * HPA_SECONDS
"""Five looks of the HPA at a number that is as it wants it."""
_HPA = "kube-controller-manager"

pytestmark = pytest.mark.timeout(300)


def _bounds(fleet: Fleet, least: int, most: int) -> None:
    """Apply an HPA over `digits`."""
    name = "digits"
    target = {"apiVersion": "trifocal.dev/v1alpha1", "kind": "ModelDeployment", "name": name}
    made = {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": name},
        "spec": {"scaleTargetRef": target, "minReplicas": least, "maxReplicas": most},
    }
    path = _path(fleet) + "?fieldManager=team&force=true"
    status, answer = fleet.plane.request("PATCH", path, made, content_type=APPLY)
    assert status < 300, answer


def _path(fleet: Fleet) -> str:
    group = f"/apis/autoscaling/v2/namespaces/{fleet.namespace}"
    return f"{group}/horizontalpodautoscalers/digits"


def _writes(fleet: Fleet, since: int) -> Counter[tuple[str, str]]:
    """Who wrote what of ModelDeployments here: (program, subresource), how often."""
    return Counter(
        (each.user_agent.partition("/")[0], each.subresource)
        for each in fleet.plane.audit_writes(since)
        if (each.resource, each.namespace) == ("modeldeployments", fleet.namespace)
    )


def _quiet(fleet: Fleet) -> None:
    """Nobody writes to the object while the HPA looks at it again and again.

    But for one status at most: a measured number, such as the cold start of the newest pods, is
    told when its turn has come.
    """
    since, before = fleet.plane.audit_position(), fleet.model("digits")
    time.sleep(_QUIET_SECONDS)
    writes = _writes(fleet, since)
    assert writes <= Counter({("trifocal", "status"): 1}), (before, fleet.model("digits"))


def _wanted(fleet: Fleet) -> int:
    return int(fleet.model("digits")["spec"]["replicas"])


def test_what_an_hpa_writes_is_honoured_without_a_fight_and_handed_back(fleet: Fleet) -> None:
    unscaled: Manifest = manifest("digits", T4)
    fleet.apply(unscaled)
    fleet.until(lambda: fleet.serves("digits", 1))

    since = fleet.plane.audit_position()
    _bounds(fleet, least=2, most=4)
    fleet.until(lambda: fleet.serves("digits", 2))
    _quiet(fleet)
    assert _writes(fleet, since)[_HPA, "scale"] == 1

    fleet.apply(unscaled)
    assert _wanted(fleet) == 2, "a manifest without a number leaves the HPA's"

    fleet.scale("digits", 6)
    fleet.until(lambda: _wanted(fleet) == 4)
    _bounds(fleet, least=1, most=1)
    fleet.until(lambda: fleet.serves("digits", 1))

    # Back to the manifest: without the HPA its number stays as it is written.
    fleet.plane.request("DELETE", _path(fleet))
    fleet.apply(manifest("digits", T4, replicas=2))
    fleet.until(lambda: fleet.serves("digits", 2))
    _quiet(fleet)


def test_an_objective_in_the_spec_outranks_an_hpa_and_both_keep_still(fleet: Fleet) -> None:
    objective = {"latency": {"maxMilliseconds": 50}}
    ours = {"minReplicas": 2, "maxReplicas": 2, "objective": objective}
    fleet.apply(manifest("digits", T4, scaling=ours))
    fleet.until(lambda: fleet.serves("digits", 2))

    since = fleet.plane.audit_position()
    _bounds(fleet, least=3, most=4)
    fleet.until(lambda: _wanted(fleet) == 3 and fleet.serves("digits", 2))
    _quiet(fleet)
    assert _writes(fleet, since)[_HPA, "scale"] == 1, "it finds what it has written"
    assert fleet.serves("digits", 2), "and the objective decides"

    # Without the objective the number that was written last counts.
    fleet.apply(manifest("digits", T4))
    fleet.until(lambda: fleet.serves("digits", 3))

    # And back: the objective takes over from the HPA, in one apply.
    fleet.apply(manifest("digits", T4, scaling=ours))
    fleet.until(lambda: fleet.serves("digits", 2))
    fleet.plane.request("DELETE", _path(fleet))
    _quiet(fleet)
