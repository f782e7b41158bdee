"""What of a watched object is kept in memory: all but what nobody reads. Pure.

A pod or ReplicaSet repeats its Deployment's whole template, and neither is ever written by us.
What nobody reads is no news either: a change of it wakes no model. Deployments and ReplicaSets
count their pods in a dozen words for each change of a size, and the pods are watched themselves.
"""

from collections.abc import Callable, Mapping
from typing import Any

from trifocal.kube.client import Manifest
from trifocal.kube.kinds import kind_named

_OF_POD = frozenset({"nodeName", "nodeSelector", "containers", "initContainers"})
_OF_CONTAINER = frozenset({"name", "resources", "restartPolicy"})
"""Enough to know where a pod is, and whether another would fit there."""
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
    return {**obj, "spec": {**_only(_OF_POD, spec), **smaller}}


def _deployment(obj: Manifest) -> Manifest:
    """Placeholders are counted by what their Deployment says, for their pods are not watched."""
    status = obj.get("status", {})
    return {**obj, "status": {**_only(frozenset({"readyReplicas"}), status), **_trouble(status)}}


def _replica_set(obj: Manifest) -> Manifest:
    read = {k: v for k, v in obj["metadata"].items() if k not in _UNREAD_OF_REPLICA_SET}
    return {**obj, "metadata": read, "spec": {}, "status": _trouble(obj.get("status", {}))}


def _trouble(status: Manifest) -> dict[str, Any]:
    conditions = status.get("conditions") or ()
    return {"conditions": [each for each in conditions if each["type"] == _TROUBLE]}


def _only(keys: frozenset[str], obj: Manifest) -> dict[str, Any]:
    return {key: obj[key] for key in keys & obj.keys()}


_CUT: Mapping[str, Callable[[Manifest], Manifest]] = {
    "Pod": _pod,
    "Deployment": _deployment,
    "ReplicaSet": _replica_set,
}
