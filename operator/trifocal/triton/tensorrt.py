"""Whether a Triton image can load an engine. Pure.

An engine loads only into the TensorRT that built it, and which TensorRT a Triton release has is
not derived from a table here: NVIDIA does not publish one that stays true for future releases.
What is known is that NVIDIA's containers of one release (tensorrt:YY.MM, tritonserver:YY.MM)
hold the same TensorRT. So the optimizer's image is made from the release that serves, the engine
records that release and the version it found, and both are compared before a pod is started.
"""

from pydantic import Field

from trifocal.api.schema import ApiModel
from trifocal.triton.images import TritonImage


class EngineOrigin(ApiModel):
    """Where an engine was built, as the artifact's manifest records it."""

    tensorrt: str = Field(description="Full version of the library, such as 11.2.1.2.")
    triton_release: str | None = Field(
        default=None, description="NVIDIA's container release that the library is of, as 26.07."
    )
    gpu: str | None = Field(default=None, description="As the driver names it, such as NVIDIA L4.")
    compute_capability: str | None = Field(default=None, description="Such as 8.9.")
    cuda: int | None = Field(default=None, description="Major version that the driver can run.")
    platform: str = Field(description="Such as linux-x86_64.")


def why_not_loadable(origin: EngineOrigin, image: TritonImage) -> str | None:
    """A sentence for a held rollout; None where nothing speaks against loading.

    An image whose name does not tell its release is given the benefit of the doubt: its owner
    answers for what is in it, and traffic moves only after a smoke inference.
    """
    if image.release is None:
        return None
    release = "{:02}.{:02}".format(*image.release)
    if origin.triton_release is None:
        return (
            f"The engine was built with TensorRT {origin.tensorrt} of an unknown release of "
            f"NVIDIA's containers, so it is not known whether {image.reference} can load it; build "
            f"the optimizer's TensorRT image from release {release}."
        )
    if origin.triton_release == release:
        return None
    return (
        f"The engine was built with TensorRT {origin.tensorrt} of release {origin.triton_release}, "
        f"and {image.reference} has the TensorRT of release {release}, which could not load it. "
        f"Set spec.serving.triton.version to '{origin.triton_release}', or the chart's "
        f"optimizer.tensorrtImage to one made from release {release}."
    )
