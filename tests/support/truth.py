"""What is true of a ModelDeployment in the in-memory cluster, told without looking at its status.

The truth is read from the pods, the Service and the Jobs that the cluster runs. What pods are made
for can be seen in their spec: the artifact that they fetch is named after the model's source, and
how they behave is written into their memory limit (see `MEMORY`).
"""

import json
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from tests.support import results
from tests.support.manifests import Manifest, digest
from tests.support.world import World
from trifocal.api import names
from trifocal.autoscaling.reason import ScaleReason
from trifocal.optimizer.contract import OptimizationResult

BAD_SOURCE = "d"
"""Letter of the source that misses its own gate."""
MEMORY: Mapping[str, str] = {"1Gi": "good", "2Gi": "good", "3Gi": "differs", "4Gi": "crash"}
"""A serving pod's memory limit, and how it behaves."""


class Truth(StrEnum):
    """How a ModelDeployment is."""

    UNSEEN = "nobody has looked at this generation"
    ANSWERS = "enough pods answer as this generation asks"
    RESTS = "no pods are wanted, and none are there"
    ON_ITS_WAY = "something is worked on or waited for"
    MUST_ACT = "nothing will happen until the user acts"
    HELD = "suspended before it was done"
    HELD_DONE = "suspended when it was done"
    LEAVING = "it is being deleted"


def optimizer(_digest: str, body: Manifest) -> OptimizationResult:
    """The Job of this cluster: the artifact has the source's letter."""
    letter = _letter(body)
    return results.refused() if letter == BAD_SOURCE else results.artifact(letter)


def behaviour(pod_spec: Manifest) -> str:
    """How a serving pod behaves."""
    return MEMORY.get(_memory_of(pod_spec), "good")


def truth(w: World, *, is_valid: bool = True) -> Truth:
    """The truth as a pass of the operator found or left it; `is_valid` is the spec."""
    if "deletionTimestamp" in w.body["metadata"]:
        return Truth.LEAVING
    if is_unseen(w.body):
        return Truth.UNSEEN
    found = _apart_from_suspension(w, is_valid=is_valid)
    if not w.body["spec"].get("suspend"):
        return found
    return Truth.HELD_DONE if found in {Truth.ANSWERS, Truth.RESTS} else Truth.HELD


def is_unseen(body: Manifest) -> bool:
    """Whether the operator has yet to report on this generation."""
    observed = body.get("status", {}).get("observedGeneration")
    return bool(observed != body["metadata"]["generation"])


def _apart_from_suspension(w: World, *, is_valid: bool) -> Truth:
    if not is_valid or _optimization_failed(w) or _is_given_up(w):
        return Truth.MUST_ACT
    if _rests(w):
        return Truth.RESTS
    return Truth.ANSWERS if _answers(w) else Truth.ON_ITS_WAY


def _optimization_failed(w: World) -> bool:
    """The only Job that fails is the bad source's; it does once its pod has told so."""
    return bool(_jobs(w, "Failed")) and _letter(w.body) == BAD_SOURCE


def _is_optimized(w: World) -> bool:
    """A Job that was asked for this source is done: without pods nothing is left to do."""
    asked = {
        name
        for (kind, name), obj in w.objects.items()
        if kind == "ConfigMap" and digest(_letter(w.body)) in json.dumps(obj)
    }
    return bool(asked & _jobs(w, "Complete"))


def _jobs(w: World, condition: str) -> set[str]:
    """Names of the Jobs that have ended so."""
    return {
        name
        for (kind, name), obj in w.objects.items()
        if kind == "Job"
        and any(c["type"] == condition for c in obj["status"].get("conditions", ()))
    }


def _is_given_up(w: World) -> bool:
    """Its pods have answered wrongly, or are not even asked for any more."""
    deployment = _deployment(w)
    if deployment is None:
        return False
    revision = _revision(deployment)
    smoke = w.smoke
    if smoke is not None and smoke.revision == revision and smoke.differs:
        return True
    wants_pods = _scaling(w) is None and _replicas(w) > 0
    return wants_pods and deployment["spec"]["replicas"] == 0 and _selected(w) != revision


def _rests(w: World) -> bool:
    deployment = _deployment(w)
    if _scaling(w) is None and _replicas(w) == 0:
        return deployment is not None or _is_optimized(w)
    if deployment is None or _scaling(w) is None:
        return False
    decided = w.decision is not None and w.decision.reason is ScaleReason.SCALED_TO_ZERO
    has_traffic = _selected(w) == _revision(deployment)
    return decided and has_traffic and deployment["spec"]["replicas"] == 0


def _answers(w: World) -> bool:
    ready = [pod for pod in w.ready(_selected(w)) if _is_made_for(w.body, pod["spec"])]
    scaling = _scaling(w)
    needed = _replicas(w) if scaling is None else scaling["minReplicas"]
    return len(ready) >= max(needed, 1) and all(behaviour(pod["spec"]) == "good" for pod in ready)


def _selected(w: World) -> str:
    """The revision that the Service points at; `none` where nothing has been made yet."""
    return w.selected() if ("Service", w.body["metadata"]["name"]) in w.objects else "none"


def _scaling(w: World) -> Manifest | None:
    found: Manifest | None = w.body["spec"].get("scaling")
    return found


def _replicas(w: World) -> int:
    return int(w.body["spec"].get("replicas", 1))


def _deployment(w: World) -> Manifest | None:
    """Of the pods that this spec asks for."""
    found = (obj for (kind, _), obj in w.objects.items() if kind == "Deployment")
    return next((d for d in found if _is_made_for(w.body, d["spec"]["template"]["spec"])), None)


def _is_made_for(body: Manifest, pod_spec: Manifest) -> bool:
    fetched = next(c["args"] for c in pod_spec["initContainers"] if c["name"] == "fetch")
    serving = body["spec"].get("serving", {})
    asked = serving.get("resources", {}).get("limits", {}).get("memory", "")
    return digest(_letter(body)) in fetched and _memory_of(pod_spec) == asked


def _revision(deployment: Manifest) -> str:
    return str(deployment["metadata"]["labels"][names.REVISION_LABEL])


def _memory_of(pod_spec: Manifest) -> str:
    resources: dict[str, Any] = pod_spec["containers"][0].get("resources", {})
    return str(resources.get("limits", {}).get("memory", ""))


def _letter(body: Manifest) -> str:
    return str(body["spec"]["model"]["source"]["digest"][-1])
