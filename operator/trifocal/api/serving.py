"""`spec.serving` and `spec.artifacts`: how Triton runs, on what, and where artifacts lie."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from trifocal.api import names
from trifocal.api.headroom import Headroom
from trifocal.api.resources import ResourceRequirements
from trifocal.api.rule import Rule, pattern_rule
from trifocal.api.schema import ApiModel

Backend = Literal["onnxruntime", "python"]


_PATH_PART = "[a-z0-9]+([._-]+[a-z0-9]+)*"

TritonVersion = Annotated[
    str,
    Field(max_length=64),
    pattern_rule(
        "[0-9]{2}[.][0-9]{2}",
        "must be the year and month of a release of NVIDIA's Triton container, such as '26.07'.",
    ),
]
"""A release such as 26.07."""

Image = Annotated[
    str,
    Field(max_length=512),
    pattern_rule(
        f"{_PATH_PART}(:[0-9]+)?(/{_PATH_PART})*"
        "(:[A-Za-z0-9_][A-Za-z0-9_.-]*|(:[A-Za-z0-9_][A-Za-z0-9_.-]*)?@sha256:[0-9a-f]{64})",
        "must be an image with a tag or a digest, such as "
        "registry.example.com/triton:26.07-py3, without https://.",
    ),
]
"""A container image, pinned at least by a tag: what serves must not change unseen."""

ExtendedResource = Annotated[
    str,
    Field(max_length=253),
    pattern_rule(
        "[a-z0-9]([a-z0-9.-]*[a-z0-9])?/[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?",
        "must be an extended resource: domain/name, such as nvidia.com/gpu.",
    ),
]
"""A device as nodes offer it."""

LabelValue = Annotated[
    str,
    Field(max_length=63),
    pattern_rule(
        "[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?",
        "must be the value of a node label; copy it from `kubectl get nodes -L "
        "nvidia.com/gpu.product`.",
    ),
]
"""The value of a label."""


def _in_names(product: str) -> str:
    """`names.in_names` in CEL."""
    return f"{product}.lowerAscii().replace('.', '-').replace('_', '-')"


class TritonSpec(ApiModel):
    """Which Triton serves: a published version, or an image of your own."""

    version: TritonVersion | None = Field(
        default=None,
        description="Release of NVIDIA's Triton container, in quotes: '26.07'. Not with image.",
    )
    image: Image | None = Field(
        default=None, description="A Triton image of your own. Not with version."
    )
    backend: Backend | None = Field(
        default=None,
        description=(
            "Backend of that image that runs ONNX: onnxruntime, or python when the image has "
            "no onnxruntime backend. Only with image; default onnxruntime."
        ),
    )

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            cel="has(self.version) != has(self.image)",
            holds=lambda it: (it.version is None) != (it.image is None),
            says="Name exactly one of version and image; leave serving.triton out for the "
            "operator's default.",
        ),
        Rule(
            cel="!has(self.backend) || has(self.image)",
            holds=lambda it: it.backend is None or it.image is not None,
            says="backend describes an image of your own; remove it, or set image.",
            at=".backend",
            reason="FieldValueForbidden",
        ),
    )


class Accelerator(ApiModel):
    """The device that each serving pod gets."""

    resource: ExtendedResource = Field(
        default="nvidia.com/gpu", description="Extended resource to request."
    )
    count: Annotated[int, Field(ge=1, le=16)] = Field(default=1, description="Devices per pod.")
    product: LabelValue | None = Field(
        default=None,
        description="Value of the node label nvidia.com/gpu.product, for example NVIDIA-L4.",
    )
    # Order means something, so it is one value to server-side apply and no list type set.
    products: Annotated[tuple[LabelValue, ...], Field(min_length=1, max_length=8)] | None = Field(
        default=None,
        description="Values of that label, any of which will do: pods run on the cheapest that has "
        "room, by the operator's table of prices; those without a price come last, in this order. "
        "Not with product. Adding and removing one starts no other pod again. For TensorRT each "
        "has an optimization and an engine of its own, and pods once that is done.",
    )

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            cel="!has(self.product) || self.resource.startsWith('nvidia.com/')",
            holds=lambda it: it.product is None or it.resource.startswith("nvidia.com/"),
            says="product is read from the node label nvidia.com/gpu.product, which nodes with "
            "{resource} do not have; remove it.",
            at=".product",
            reason="FieldValueForbidden",
        ),
        Rule(
            cel="!has(self.products) || self.resource.startsWith('nvidia.com/')",
            holds=lambda it: it.products is None or it.resource.startswith("nvidia.com/"),
            says="products are read from the node label nvidia.com/gpu.product, which nodes with "
            "{resource} do not have; remove them.",
            at=".products",
            reason="FieldValueForbidden",
        ),
        Rule(
            cel="!has(self.products) || !has(self.product)",
            holds=lambda it: it.products is None or it.product is None,
            says="product names the only one, products any of several; remove one of the two.",
            at=".products",
            reason="FieldValueForbidden",
        ),
        Rule(
            cel=f"!has(self.products) || self.products.all(p, self.products.exists_one(q, "
            f"{_in_names('q')} == {_in_names('p')}))",
            holds=lambda it: (
                len({names.in_names(p) for p in it.products or ()}) == len(it.products or ())
            ),
            says="A product is named twice, or two differ only in case or punctuation; remove one.",
            at=".products",
        ),
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

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            cel="!has(self.queueTimeoutMilliseconds) || "
            "self.queueTimeoutMilliseconds * 1000 > self.maxQueueDelayMicroseconds",
            holds=lambda it: (
                it.queue_timeout_milliseconds is None
                or it.queue_timeout_milliseconds * 1000 > it.max_queue_delay_microseconds
            ),
            says="Requests are refused after {queueTimeoutMilliseconds} ms in the queue, but may "
            "be held there for {maxQueueDelayMicroseconds} microseconds to fill a batch; make "
            "the time-out longer than the delay.",
            at=".queueTimeoutMilliseconds",
        ),
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
    headroom: Headroom | None = Field(
        default=None, description="Places for more pods that are kept free; unset means none."
    )
