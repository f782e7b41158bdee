"""`status`: what Trifocal knows, as the CRD's schema describes it."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from trifocal.api.schema import ApiModel, Sha256
from trifocal.api.target import Runtime

MAX_TEXT = 1024
ShortText = Annotated[str, Field(max_length=MAX_TEXT)]
Name = Annotated[str, Field(max_length=253)]

MAX_TARGET = 128
"""Characters of the column."""
MAX_CANDIDATES, MAX_EDGES, MAX_NOTES = 32, 4, 16
"""More than a termination message of 4096 bytes can hold."""


MAX_PRODUCTS = 16
"""Those of the spec, and as many that an edit has taken out while their pods are replaced."""


class ConditionStatusModel(ApiModel):
    """A condition as stored."""

    type: Annotated[str, Field(max_length=64)]
    status: Literal["True", "False", "Unknown"]
    reason: Annotated[str, Field(max_length=64)]
    message: Annotated[str, Field(max_length=4096)]
    observed_generation: int
    last_transition_time: AwareDatetime


class CandidateStatus(ApiModel):
    """One candidate of the last finished optimization, and why it won or lost."""

    name: Name = Field(
        description="What it is made of, such as fp16 or pruned50-int8; source is the model as it "
        "was given."
    )
    target: Runtime = Field(description="Runtime that it was built for and judged in.")
    verdict: Literal["Chosen", "Passed", "Lost", "Failed"] = Field(
        description="Chosen: serves. Passed: met the gate, another was better. Lost: missed the "
        "gate. Failed: could not be built or run."
    )
    reason: ShortText = Field(default="", description="Why it did not win.")
    accuracy: float | None = Field(default=None, description="Gate metric, from 0 to 1.")
    accuracy_drop: float | None = Field(
        default=None, description="Source's accuracy less this one's."
    )
    agreement: float | None = Field(
        default=None,
        description="Share of the images that it answers as the source does, on the dataset where "
        "that is smallest.",
    )
    latency_milliseconds: float | None = Field(
        default=None, description="Measured batch-1 latency at the gate's percentile."
    )
    size_bytes: int | None = Field(default=None, description="Size of the model file.")


class EdgeArtifact(ApiModel):
    """A model for a device, published beside the served one."""

    runtime: Runtime = Field(description="What runs it: litert or executorch.")
    artifact: Sha256 = Field(description="Its digest in the store.")
    candidate: Name = Field(description="The candidate that won for this runtime.")
    size_bytes: int = Field(description="Size of the model file.")
    accuracy: float | None = Field(default=None, description="Gate metric, from 0 to 1.")
    parity: float | None = Field(
        default=None,
        description="Share of the evaluation images that it answers as the served model does.",
    )


class OptimizationStatus(ApiModel):
    """The optimization that this spec asks for."""

    request: Annotated[str, Field(max_length=71)] = Field(
        description="sha256 of everything that can change the result."
    )
    job: Name | None = Field(default=None, description="The Job that works on it, if one did.")
    step: ShortText | None = Field(default=None, description="What the Job is doing now.")
    progress_percent: Annotated[int, Field(ge=0, le=100)] | None = Field(
        default=None, description="How far the Job is."
    )
    artifact: Annotated[str, Field(max_length=71)] | None = Field(
        default=None, description="Digest of the published artifact."
    )
    chosen: Name | None = Field(default=None, description="The candidate that won.")
    candidates: Annotated[tuple[CandidateStatus, ...], Field(max_length=MAX_CANDIDATES)] = Field(
        default=(), description="Candidates, with their figures and why they won or lost."
    )
    candidates_omitted: int | None = Field(
        default=None, description="How many more candidates the report in the store holds."
    )
    edges: Annotated[tuple[EdgeArtifact, ...], Field(max_length=MAX_EDGES)] = Field(
        default=(), description="Models for devices, published beside the served one."
    )
    notes: Annotated[tuple[ShortText, ...], Field(max_length=MAX_NOTES)] = Field(
        default=(), description="How far the result can be trusted, in sentences."
    )


class RevisionStatus(ApiModel):
    """What serves, and what is meant to."""

    serving: Name | None = Field(default=None, description="Revision that has the traffic.")
    wanted: Name | None = Field(default=None, description="Revision that this spec asks for.")
    triton_image: Annotated[str, Field(max_length=512)] | None = Field(
        default=None, description="Image of the wanted revision."
    )


class ScalingInputs(ApiModel):
    """The numbers that the last decision was made from."""

    requests_per_second: float | None = Field(default=None, description="Measured arrival rate.")
    service_milliseconds: float | None = Field(
        default=None, description="Mean time that one request occupies an instance."
    )
    latency_milliseconds: float | None = Field(
        default=None, description="Measured latency at the objective's percentile."
    )
    modelled_milliseconds: float | None = Field(
        default=None, description="Modelled latency at the decided number of replicas."
    )
    cold_start_seconds: float | None = Field(
        default=None,
        description="Measured time from the order of a pod to its first request; of the last pods, "
        "while none runs.",
    )


class ScalingChange(ApiModel):
    """A time at which the wanted number became another one."""

    time: datetime
    replicas: int = Field(description="Replicas wanted from then on.")
    reason: Annotated[str, Field(max_length=64)] = Field(description="Why, in one word.")
    message: ShortText = Field(description="Why, in a sentence with its numbers.")


MAX_CHANGES = 10
"""Changes that status remembers: an hour of a load that rises and falls, within 10 kB."""


class ScalingStatus(ApiModel):
    """The last scaling decision, and those before it."""

    desired_replicas: int = Field(description="Replicas that the scaler wants.")
    reason: Annotated[str, Field(max_length=64)] = Field(description="Why, in one word.")
    message: ShortText = Field(description="Why, in a sentence with its numbers.")
    inputs: ScalingInputs = Field(
        default=ScalingInputs(),
        description="What it was made from.",
        # Field by field, an apply that takes the last number away would leave a null behind, which
        # this schema refuses.
        json_schema_extra={"x-kubernetes-map-type": "atomic"},
    )
    last_change_time: datetime | None = Field(
        default=None, description="When the wanted number last changed."
    )
    changes: Annotated[tuple[ScalingChange, ...], Field(max_length=MAX_CHANGES)] = Field(
        default=(), description="The last changes of the wanted number, newest first."
    )


class HeadroomStatus(ApiModel):
    """The places that are kept free for more pods."""

    replicas: int = Field(description="Places that are asked for.")
    ready_replicas: int = Field(description="Places that are held: a placeholder runs there.")
    message: ShortText | None = Field(
        default=None, description="Why placeholders cannot be made, in the API server's words."
    )


class ProductStatus(ApiModel):
    """The pods that serve, or are to serve, on one of several GPU products."""

    product: Name = Field(description="Value of the node label nvidia.com/gpu.product.")
    replicas: int = Field(description="Pods on nodes with it.")
    ready_replicas: int = Field(description="Ready ones of them.")
    waiting_replicas: int = Field(description="Pods that wait for a node with it.")
    price_per_hour: float | None = Field(
        default=None, description="Of one device, by the operator's table of prices."
    )
    artifact: Annotated[str, Field(max_length=71)] | None = Field(
        default=None, description="Digest of its TensorRT engine; unset where all serve the same."
    )
    message: ShortText | None = Field(
        default=None, description="Why no pod can run on it yet: what its engine waits for."
    )


class EndpointStatus(ApiModel):
    """Where clients reach the model."""

    http: Annotated[str, Field(max_length=512)]
    grpc: Annotated[str, Field(max_length=512)]


class SummaryStatus(ApiModel):
    """Texts for `kubectl get`."""

    target: Annotated[str, Field(max_length=MAX_TARGET)] = ""
    replicas: Annotated[str, Field(max_length=32)] = ""
    p99: Annotated[str, Field(max_length=32)] = ""


class ModelDeploymentStatus(ApiModel):
    """The status subresource. Read it; only Trifocal writes it."""

    observed_generation: int | None = Field(
        default=None, description="Generation of the spec that this status speaks about."
    )
    conditions: Annotated[
        tuple[ConditionStatusModel, ...],
        Field(
            max_length=16,
            json_schema_extra={
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["type"],
            },
        ),
    ] = Field(default=(), description="Ready is True when the wanted revision serves.")
    optimization: OptimizationStatus | None = None
    revision: RevisionStatus = RevisionStatus()
    replicas: int | None = Field(
        default=None,
        description="Pods of the serving revision. One that waits for a GPU product while another "
        "pod stands in for it is not counted twice.",
    )
    ready_replicas: int | None = Field(default=None, description="Ready pods of it.")
    selector: Annotated[str, Field(max_length=1024)] | None = Field(
        default=None, description="Label selector of the pods, for the scale subresource."
    )
    scaling: ScalingStatus | None = None
    headroom: HeadroomStatus | None = Field(
        default=None,
        description="The places that are kept free for more pods.",
        # As for scaling.inputs: nothing but a whole one may be left behind.
        json_schema_extra={"x-kubernetes-map-type": "atomic"},
    )
    products: Annotated[tuple[ProductStatus, ...], Field(max_length=MAX_PRODUCTS)] | None = Field(
        default=None,
        description="Where serving.accelerator.products names several: the pods on each, the "
        "cheapest first.",
    )
    endpoint: EndpointStatus | None = None
    summary: SummaryStatus = SummaryStatus()
