"""A revision: what is served, its hash, its Deployment and its ConfigMap. Pure.

The hash covers the pods' whole template and their configuration files, so a Deployment's template
never changes once it is made: whatever changes is another revision, with pods of its own. Only the
operator's own image is left out, or each upgrade of Trifocal would start every pod again, and which
GPU products there are where the spec names several (`products`).
"""

from collections.abc import Mapping
from typing import Any

from trifocal.api import names
from trifocal.api.modeldeployment import ModelDeployment
from trifocal.optimizer.contract import OptimizationResult
from trifocal.resources.metadata import Manifest, metadata
from trifocal.resources.products import has_products
from trifocal.resources.serving_pod import (
    COMPONENT,
    FETCH_CONTAINER,
    LOCAL_VOLUMES,
    TRITON_CONTAINER,
    pod_spec,
)
from trifocal.resources.threads import threads_per_instance
from trifocal.settings import Settings
from trifocal.triton.images import TritonImage
from trifocal.triton.model_config import model_config
from trifocal.triton.repository import configuration_files

_LOCAL_VOLUMES_ANNOTATION = "cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes"

__all__ = [
    "COMPONENT",
    "FETCH_CONTAINER",
    "TRITON_CONTAINER",
    "revision_config_map",
    "revision_deployment",
    "revision_hash",
    "revision_selector",
    "serving_selector",
]

_PROGRESS_DEADLINE_SECONDS = 1800
"""Pulling an NGC image of 10 GB and loading a model takes minutes; then it is a failure."""
_MIN_READY_SECONDS = 2
"""A pod that dies at once after it was ready does not count as available."""


def serving_selector(md: ModelDeployment) -> dict[str, str]:
    """Labels that all serving pods of a ModelDeployment have, of whatever revision."""
    return {names.NAME_LABEL: md.metadata.name, names.COMPONENT_LABEL: COMPONENT}


def revision_selector(md: ModelDeployment, revision: str) -> dict[str, str]:
    """Labels that the pods of one revision have."""
    return serving_selector(md) | _revision_label(revision)


def revision_hash(
    md: ModelDeployment, result: OptimizationResult, image: TritonImage, settings: Settings
) -> str:
    """Hex sha256 of what a serving pod is made from, without the operator's image.

    The number of pods is no part of it either.
    """
    without_image = settings.model_copy(update={"operator_image": ""})
    hashed = {
        "files": dict(_files(md, result, image)),
        "template": _template(md, "", result, image, without_image),
    }
    return names.canonical_sha256(hashed | ({"products": True} if has_products(md) else {}))


def revision_config_map(
    md: ModelDeployment, revision: str, result: OptimizationResult, image: TritonImage
) -> Manifest:
    """Triton's configuration of the model; immutable, named by the revision's hash."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": _metadata(md, revision),
        "immutable": True,
        "data": dict(_files(md, result, image)),
    }


def revision_deployment(
    md: ModelDeployment,
    revision: str,
    result: OptimizationResult,
    image: TritonImage,
    settings: Settings,
    replicas: int,
) -> Manifest:
    """The pods of one revision; `revision` is `revision_hash` of the same inputs."""
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": _metadata(md, revision),
        "spec": {
            "replicas": replicas,
            "minReadySeconds": _MIN_READY_SECONDS,
            "progressDeadlineSeconds": _PROGRESS_DEADLINE_SECONDS,
            # The template never changes, so there is no older ReplicaSet to go back to.
            "revisionHistoryLimit": 0,
            "strategy": {
                "type": "RollingUpdate",
                "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0},
            },
            "selector": {"matchLabels": revision_selector(md, revision)},
            "template": _template(md, revision, result, image, settings),
        },
    }


def _template(
    md: ModelDeployment,
    revision: str,
    result: OptimizationResult,
    image: TritonImage,
    settings: Settings,
) -> dict[str, Any]:
    artifact = _artifact(result)
    spec = pod_spec(md, names.revision(md.metadata.name, revision), artifact, image, settings)
    return {
        "metadata": {
            "labels": {
                **names.labels(md.metadata.name, COMPONENT),
                **_revision_label(revision),
            },
            "annotations": {
                # Nothing in them outlives the pod; without this a node is never scaled down.
                _LOCAL_VOLUMES_ANNOTATION: ",".join(LOCAL_VOLUMES),
                "kubectl.kubernetes.io/default-container": TRITON_CONTAINER,
            },
        },
        "spec": spec | {"topologySpreadConstraints": _spread(md, revision)},
    }


def _spread(md: ModelDeployment, revision: str) -> list[dict[str, Any]]:
    """Over nodes and zones if it can be had; a full node is better than a pending pod."""
    return [
        {
            "maxSkew": 1,
            "topologyKey": key,
            "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": {"matchLabels": revision_selector(md, revision)},
        }
        for key in ("topology.kubernetes.io/zone", "kubernetes.io/hostname")
    ]


def _files(
    md: ModelDeployment, result: OptimizationResult, image: TritonImage
) -> Mapping[str, str]:
    config = model_config(
        md.metadata.name,
        (result.inputs, result.outputs),
        md.spec.serving,
        md.spec.scaling,
        image,
        threads_per_instance(md.spec.serving),
    )
    return configuration_files(config)


def _artifact(result: OptimizationResult) -> str:
    if result.artifact is None:
        raise ValueError("A failed optimization has no artifact, so there is nothing to serve.")
    return result.artifact


def _metadata(md: ModelDeployment, revision: str) -> dict[str, Any]:
    name = names.revision(md.metadata.name, revision)
    return metadata(md, name, COMPONENT, labels=_revision_label(revision))


def _revision_label(revision: str) -> dict[str, str]:
    return {names.REVISION_LABEL: revision[: names.HASH_LENGTH]}
