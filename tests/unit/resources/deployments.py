"""ModelDeployments, results and settings that the builders' tests share."""

from typing import Any

from tests.support import manifests
from trifocal.api.manifest import parse
from trifocal.api.modeldeployment import ModelDeployment
from trifocal.optimizer.contract import OptimizationResult, Tensor
from trifocal.settings import Settings
from trifocal.triton.images import TritonImage, resolve_image

SETTINGS = Settings(
    optimizer_image="registry.example.com/optimizer:1",
    optimizer_extended_image="registry.example.com/optimizer-extended:1",
    optimizer_tensorrt_image="registry.example.com/optimizer-tensorrt:1",
)
RESULT = OptimizationResult(
    request=manifests.digest("b"),
    artifact=manifests.digest("f"),
    chosen="fp32",
    inputs=(Tensor(name="image", dtype="float32", shape=(-1, 3, 224, 224)),),
    outputs=(Tensor(name="scores", dtype="float32", shape=(-1, 3)),),
)


def stored(manifest: dict[str, Any]) -> ModelDeployment:
    """As the API server gives it back."""
    metadata = manifest["metadata"] | {"uid": "0000-1111", "generation": 1}
    return parse({**manifest, "metadata": metadata})


def minimal(**changes: Any) -> ModelDeployment:
    """The smallest ModelDeployment, with fields set by dotted path (`__` for the dot)."""
    manifest = manifests.minimal()
    for path, value in changes.items():
        manifest = manifests.changed(manifest, path.replace("__", "."), value)
    return stored(manifest)


def full() -> ModelDeployment:
    return stored(manifests.full())


def image_of(md: ModelDeployment, settings: Settings = SETTINGS) -> TritonImage:
    return resolve_image(md.spec.serving.triton, settings, md.spec.optimization.served.runtime)
