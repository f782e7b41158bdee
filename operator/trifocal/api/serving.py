"""`spec.serving` and `spec.artifacts`: how Triton runs, on what, and where artifacts lie."""

from typing import Annotated, Literal

from pydantic import Field

from trifocal.api.resources import ResourceRequirements
from trifocal.api.schema import ApiModel

Backend = Literal["onnxruntime", "python"]


class TritonSpec(ApiModel):
    """Which Triton serves: a published version, or an image of your own."""

    version: Annotated[str, Field(pattern=r"^[0-9]{2}\.[0-9]{2}$", max_length=5)] | None = Field(
        default=None,
        description="Release of NVIDIA's Triton container, for example 26.07. Not with image.",
    )
    image: Annotated[str, Field(pattern=r"^[^\s]+$", min_length=1, max_length=512)] | None = Field(
        default=None, description="A Triton image of your own. Not with version."
    )
    backend: Backend | None = Field(
        default=None,
        description=(
            "Backend of that image that runs ONNX: onnxruntime, or python when the image has "
            "no onnxruntime backend. Only with image; default onnxruntime."
        ),
    )


class Accelerator(ApiModel):
    """The device that each serving pod gets."""

    resource: Annotated[str, Field(pattern=r"^[a-z0-9.-]+/[A-Za-z0-9._-]+$", max_length=253)] = (
        Field(default="nvidia.com/gpu", description="Extended resource to request.")
    )
    count: Annotated[int, Field(ge=1, le=16)] = Field(default=1, description="Devices per pod.")
    product: (
        Annotated[str, Field(pattern=r"^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$", max_length=63)]
        | None
    ) = Field(
        default=None,
        description="Value of the node label nvidia.com/gpu.product, for example NVIDIA-L4.",
    )


class Batching(ApiModel):
    """Triton's dynamic batching."""

    max_batch_size: Annotated[int, Field(ge=1, le=1024)] = Field(
        default=8, description="Largest batch that one execution takes."
    )
    max_queue_delay_microseconds: Annotated[int, Field(ge=0, le=10_000_000)] = Field(
        default=0, description="How long a request may wait for others to fill a batch."
    )
    queue_timeout_milliseconds: Annotated[int, Field(ge=1, le=600_000)] | None = Field(
        default=None, description="Requests that wait longer are refused as UNAVAILABLE."
    )


class ServingSpec(ApiModel):
    """How the model is served."""

    triton: TritonSpec | None = Field(
        default=None, description="Which Triton serves; unset means the operator's default."
    )
    accelerator: Accelerator | None = Field(
        default=None, description="Device for each pod; unset means CPU."
    )
    instances: Annotated[int, Field(ge=1, le=64)] = Field(
        default=1, description="Copies of the model that run side by side in one pod."
    )
    batching: Batching = Field(default=Batching(), description="Dynamic batching.")
    resources: ResourceRequirements = Field(
        default=ResourceRequirements(), description="CPU and memory of the Triton container."
    )
