"""What of a watched object is kept in memory: all but what nobody reads. Pure.

A pod or ReplicaSet repeats its Deployment's whole template, and neither is ever written by us.
What nobody reads is no news either: a change of it wakes no model.
"""

from collections.abc import Callable, Mapping
from typing import Any

from trifocal.kube.client import Manifest
from trifocal.kube.kinds import kind_named

_OF_POD = frozenset({"nodeName", "nodeSelector", "containers", "initContainers"})
_OF_CONTAINER = frozenset({"name", "resources", "restartPolicy"})
"""Enough to know where a pod is, and whether another would fit there."""
_OF_REPLICA_SET = frozenset({"replicas"})


def kept(kind: str, obj: Manifest) -> Manifest:
    """The object as it is stored; items of a list get their kind, which the API leaves out."""
    metadata = {k: v for k, v in obj["metadata"].items() if k != "managedFields"}
    api_version = kind_named(kind).api_version
    whole = {**obj, "apiVersion": api_version, "kind": kind, "metadata": metadata}
    if kind in _SPECS and "spec" in obj:
        whole["spec"] = _SPECS[kind](obj["spec"])
    return whole


def _pod(spec: Manifest) -> Manifest:
    lists = {"containers", "initContainers"} & spec.keys()
    smaller = {key: [_only(_OF_CONTAINER, each) for each in spec[key]] for key in lists}
    return {**_only(_OF_POD, spec), **smaller}


def _replica_set(spec: Manifest) -> Manifest:
    return _only(_OF_REPLICA_SET, spec)


def _only(keys: frozenset[str], whole: Manifest) -> dict[str, Any]:
    return {key: whole[key] for key in keys & whole.keys()}


_SPECS: Mapping[str, Callable[[Manifest], Manifest]] = {"Pod": _pod, "ReplicaSet": _replica_set}
