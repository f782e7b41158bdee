"""A revision: what is served, its hash, its Deployment and its ConfigMap. Pure."""

from dataclasses import dataclass
from typing import Any

from trifocal.api import names
from trifocal.api.modeldeployment import ModelDeployment
from trifocal.optimizer.contract import OptimizationResult
from trifocal.resources.metadata import Manifest
from trifocal.settings import Settings
from trifocal.triton.images import TritonImage

COMPONENT = "serving"
HTTP_PORT = 8000
GRPC_PORT = 8001
METRICS_PORT = 8002
TRITON_CONTAINER = "triton"
FETCH_CONTAINER = "fetch"


def serving_selector(md: ModelDeployment) -> dict[str, str]:
    """Labels that all serving pods of a ModelDeployment have, of whatever revision."""
    return {names.NAME_LABEL: md.metadata.name, names.COMPONENT_LABEL: COMPONENT}


def revision_selector(md: ModelDeployment, revision_hash: str) -> dict[str, str]:
    """Labels that the pods of one revision have."""
    return serving_selector(md) | {names.REVISION_LABEL: revision_hash[: names.HASH_LENGTH]}


def revision_hash(
    md: ModelDeployment, result: OptimizationResult, image: TritonImage, settings: Settings
) -> str:
    """Hex sha256 of everything that a serving pod is made from, the number of pods left out."""
    raise NotImplementedError


def revision_config_map(
    md: ModelDeployment,
    revision: str,
    result: OptimizationResult,
    image: TritonImage,
) -> Manifest:
    """Triton's configuration of the model; immutable, named by the revision's hash."""
    raise NotImplementedError


def revision_deployment(  # noqa: PLR0913 - each is an input of its own
    md: ModelDeployment,
    revision: str,
    result: OptimizationResult,
    image: TritonImage,
    settings: Settings,
    replicas: int,
) -> Manifest:
    """The pods of one revision; `revision` is `revision_hash` of the same inputs."""
    raise NotImplementedError
