"""What of a watched object is kept in memory: all but what nobody reads. Pure.

A pod or ReplicaSet repeats its Deployment's whole template, and neither is ever written by us.
What nobody reads is no news either: a change of it wakes no model. Controllers count the pods of a
Deployment, ReplicaSet, Job or budget in a dozen words for each that comes, starts and is ready, and
the pods are watched themselves.
"""

from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from typing import Any

from trifocal.kube.client import Manifest
from trifocal.kube.kinds import kind_named

_OF_POD = frozenset({"nodeName", "nodeSelector", "containers", "initContainers"})
_OF_CONTAINER = frozenset({"name", "resources", "restartPolicy"})
"""Enough to know where a pod is, and whether another would fit there."""
_OF_POD_CONDITIONS = frozenset({"PodScheduled", "Ready", "DisruptionTarget"})
_TROUBLE = "ReplicaFailure"
"""The one condition of a Deployment or ReplicaSet that its pods do not show: there are none."""
_UNREAD_OF_REPLICA_SET = frozenset({"annotations", "generation"})
"""The Deployment's, repeated."""


def whole(kind: str, obj: Manifest) -> Manifest:
    """All but who wrote which field; items of a list get their kind, which the API leaves out."""
    metadata = {k: v for k, v in obj["metadata"].items() if k != "managedFields"}
    api_version = kind_named(kind).api_version
    return {**obj, "apiVersion": api_version, "kind": kind, "metadata": metadata}


def kept(kind: str, obj: Manifest) -> Manifest:
    """The object as the operator stores it."""
    found = whole(kind, obj)
    return _CUT[kind](found) if kind in _CUT else found


def _pod(obj: Manifest) -> Manifest:
    spec = obj.get("spec", {})
    lists = {"containers", "initContainers"} & spec.keys()
    smaller = {key: [_only(_OF_CONTAINER, each) for each in spec[key]] for key in lists}
    told = {key: value for key, value in obj.get("status", {}).items() if key != "conditions"}
    status = {**told, **_conditions(obj, _OF_POD_CONDITIONS)}
    return {**obj, "spec": {**_only(_OF_POD, spec), **smaller}, "status": status}


def _job(obj: Manifest) -> Manifest:
    return {**obj, "status": _only(frozenset({"conditions"}), obj.get("status", {}))}


def _budget(obj: Manifest) -> Manifest:
    return {key: value for key, value in obj.items() if key != "status"}


def _deployment(obj: Manifest) -> Manifest:
    """Placeholders are counted by what their Deployment says, for their pods are not watched."""
    ready = _only(frozenset({"readyReplicas"}), obj.get("status", {}))
    return {**obj, "status": {**ready, **_conditions(obj, {_TROUBLE})}}


def _replica_set(obj: Manifest) -> Manifest:
    read = {k: v for k, v in obj["metadata"].items() if k not in _UNREAD_OF_REPLICA_SET}
    return {**obj, "metadata": read, "spec": {}, "status": _conditions(obj, {_TROUBLE})}


def _conditions(obj: Manifest, types: AbstractSet[str]) -> dict[str, Any]:
    conditions = obj.get("status", {}).get("conditions") or ()
    read = [each for each in conditions if each["type"] in types]
    return {"conditions": read} if read else {}


def _only(keys: frozenset[str], obj: Manifest) -> dict[str, Any]:
    return {key: obj[key] for key in keys & obj.keys()}


_CUT: Mapping[str, Callable[[Manifest], Manifest]] = {
    "Pod": _pod,
    "Job": _job,
    "Deployment": _deployment,
    "ReplicaSet": _replica_set,
    "PodDisruptionBudget": _budget,
}
