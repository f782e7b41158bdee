"""The operator's settings as far as children depend on them, from outside of the operator.

They stand in the environment of the operator's Deployment. Whoever may not read that learns them
from what the operator has made. Either way they are proved before anything is said: with them, the
operator's own functions must give the request and the revision that the status has.
"""

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from trifocal.cli.seen import Seen
from trifocal.kube.client import Kube, Manifest
from trifocal.kube.errors import Refused
from trifocal.reconcile.assessment import assess
from trifocal.reconcile.children import annotation, revision_of
from trifocal.reconcile.kept_images import OPERATOR_IMAGE_ANNOTATION, OPTIMIZER_IMAGE_ANNOTATION
from trifocal.resources.revision import TRITON_CONTAINER
from trifocal.settings import Settings
from trifocal.triton.repository import PROGRAM_FILE

OPERATOR_SELECTOR = "app.kubernetes.io/name=trifocal,app.kubernetes.io/component=operator"
"""As the chart labels the operator's Deployment."""
_PREFIX = "TRIFOCAL_"
_VISIBLE: Final = (
    *("operator_image", "optimizer_image", "optimizer_extended_image", "optimizer_tensorrt_image"),
    *("image_pull_policy", "triton_repository", "triton_image", "triton_backend"),
    *("triton_version", "headroom_priority_class", "accelerator_prices"),
)
"""Settings that what the operator makes depends on."""
_PRICES: Final = "accelerator_prices"
"""In the environment as JSON."""
_VERSION_TAG = "-py3"


async def operators(kube: Kube) -> tuple[Manifest, ...]:
    """The Deployments of operators; empty where the caller may not list them."""
    try:
        return await kube.list("Deployment", label_selector=OPERATOR_SELECTOR)
    except Refused:
        return ()


def settings_in_force(seen: Seen, deployments: tuple[Manifest, ...]) -> Settings:
    """From the one operator's Deployment, else from what it has made."""
    if len(deployments) == 1:
        return configured(deployments[0])
    return _settings(dict(_from_children(seen)))


def configured(deployment: Manifest) -> Settings:
    """What the environment of the operator's container says."""
    containers = deployment["spec"]["template"]["spec"]["containers"]
    variables = {e["name"]: e.get("value") for c in containers for e in c.get("env") or ()}
    found = {name: variables.get(f"{_PREFIX}{name.upper()}") for name in _VISIBLE}
    namespace = deployment["metadata"]["namespace"]
    return _settings({"namespace": namespace, **{k: v for k, v in found.items() if v is not None}})


def is_reproduced(seen: Seen, settings: Settings, now: datetime) -> bool:
    """Whether these settings, in this release, give what the operator's status says.

    A status about an older generation proves nothing.
    """
    status = seen.body.get("status") or {}
    if seen.md is None or status.get("observedGeneration") != seen.md.metadata.generation:
        return False
    found = assess(seen.md, seen.observed, settings, now)
    wanted = found.rollout.wanted.hash if found.rollout.wanted else None
    stated = (status.get("optimization") or {}).get("request")
    stated_revision = (status.get("revision") or {}).get("wanted")
    return (found.optimization.digest, wanted) == (stated, stated_revision)


def _settings(values: Mapping[str, Any]) -> Settings:
    """Defaults of this release for the rest; the caller's own environment has no say."""
    defaults = {name: Settings.model_fields[name].default for name in _VISIBLE}
    prices = {_PRICES: json.loads(values[_PRICES])} if _PRICES in values else {}
    return Settings(**{**defaults, **values, **prices})


def _from_children(seen: Seen) -> Iterator[tuple[str, str]]:
    yield from _triton(seen)
    yield from _priority_class(seen)
    yield _PRICES, json.dumps(dict(_prices(seen)))
    observed = seen.observed
    for made in (*observed.config_maps, *observed.jobs):
        if image := annotation(made, OPTIMIZER_IMAGE_ANNOTATION):
            for name in ("optimizer_image", "optimizer_extended_image", "optimizer_tensorrt_image"):
                yield name, image
    for deployment in observed.deployments:
        if image := annotation(deployment, OPERATOR_IMAGE_ANNOTATION):
            yield "operator_image", image
        for container in deployment["spec"]["template"]["spec"]["containers"]:
            if container["name"] == TRITON_CONTAINER and "imagePullPolicy" in container:
                yield "image_pull_policy", container["imagePullPolicy"]


def _priority_class(seen: Seen) -> Iterator[tuple[str, str]]:
    for deployment in seen.observed.headroom:
        yield "headroom_priority_class", deployment["spec"]["template"]["spec"]["priorityClassName"]


def _prices(seen: Seen) -> Iterator[tuple[str, float]]:
    """As the status has them."""
    for each in seen.status.get("products") or ():
        if "pricePerHour" in each:
            yield each["product"], each["pricePerHour"]


def _triton(seen: Seen) -> Iterator[tuple[str, str]]:
    """The default image, or the repository that a version of the spec was looked up in."""
    revision = seen.revision
    image = revision.get("tritonImage")
    if image is None or seen.md is None:
        return
    named = seen.md.spec.serving.triton
    if named is None:
        yield "triton_image", image
        files = (
            (config_map.get("data") or {})
            for config_map in seen.observed.config_maps
            if revision_of(config_map) == revision.get("wanted")
        )
        if any(PROGRAM_FILE in each for each in files):
            yield "triton_backend", "python"
    elif named.version is not None:
        yield "triton_repository", image.removesuffix(f":{named.version}{_VERSION_TAG}")
