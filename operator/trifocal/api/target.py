"""`spec.optimization.targets`: the runtimes that candidates are built for and judged in."""

from typing import Literal

from pydantic import Field

from trifocal.api.schema import ApiModel

Runtime = Literal["onnxruntime", "tensorrt", "litert", "executorch"]
SERVED: frozenset[Runtime] = frozenset({"onnxruntime", "tensorrt"})
"""What Triton serves; the others are published for devices."""


class Target(ApiModel):
    """A runtime; its hardware is the one that `serving` asks for, or a device's CPU."""

    runtime: Runtime = Field(
        default="onnxruntime",
        description="onnxruntime and tensorrt are served by Triton. litert and executorch are "
        "published beside the served artifact, for phones and other devices.",
    )
