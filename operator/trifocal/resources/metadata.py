"""Metadata that every child carries: name, labels, and the owner that it goes with. Pure."""

from typing import Any

from trifocal.api import names
from trifocal.api.modeldeployment import ModelDeployment
from trifocal.api.schema import API_VERSION, KIND

Manifest = dict[str, Any]
"""A Kubernetes object as JSON: exactly the fields that Trifocal owns."""


def metadata(
    md: ModelDeployment,
    name: str,
    component: str,
    *,
    labels: dict[str, str] | None = None,
    annotations: dict[str, str] | None = None,
) -> dict[str, Any]:
    """Metadata of a child.

    `blockOwnerDeletion` is left out: it would need the right to update the owner's finalizers,
    and the garbage collector removes the children without it.
    """
    meta: dict[str, Any] = {
        "name": name,
        "namespace": md.metadata.namespace,
        "labels": {**names.labels(md.metadata.name, component), **(labels or {})},
        "ownerReferences": [
            {
                "apiVersion": API_VERSION,
                "kind": KIND,
                "name": md.metadata.name,
                "uid": md.metadata.uid,
                "controller": True,
            }
        ],
    }
    if annotations:
        meta["annotations"] = dict(annotations)
    return meta
