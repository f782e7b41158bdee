"""The JSON between the operator and the optimization Job. Pure; imports no machine learning.

The request goes in as a file; the result comes back in the container's termination message,
which Kubernetes cuts at 4096 bytes. `result_json` keeps it below that.
"""

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import Field

from trifocal.api.condition import Reason
from trifocal.api.model import ModelSpec
from trifocal.api.names import canonical_sha256
from trifocal.api.optimization import Gate, Precision, Quantization, Target
from trifocal.api.schema import ApiModel, Sha256
from trifocal.api.serving import Batching
from trifocal.api.status import CandidateStatus

SCHEMA = "trifocal.dev/optimization/v1"
MAX_TERMINATION_MESSAGE_BYTES = 4096
"""Kubelet's limit for one container's termination message."""

EXIT_REFUSED = 42
"""Exit code of a failure that the user must act on: retrying cannot help."""
EXIT_TRANSIENT = 75
"""Exit code of a failure that may pass by itself (sysexits EX_TEMPFAIL): the Job retries."""


class ResolvedLocation(ApiModel):
    """A location as the Job sees it: file:// URIs are paths inside the container."""

    uri: str
    digest: Sha256 | None = None
    endpoint: str | None = None
    credentials_dir: str | None = Field(
        default=None, description="Folder with one file per key of the tenant's Secret."
    )


class OptimizationRequest(ApiModel):
    """Everything that the Job needs."""

    schema_version: Literal["trifocal.dev/optimization/v1"] = "trifocal.dev/optimization/v1"
    name: str
    model: ModelSpec
    source: ResolvedLocation
    calibration: ResolvedLocation | None = None
    evaluation: ResolvedLocation
    store: ResolvedLocation
    target: Target
    precisions: tuple[Precision, ...]
    quantization: Quantization
    gate: Gate
    prefer: Literal["latency", "size", "accuracy"]
    batching: Batching
    scratch_bytes: int | None = Field(
        default=None, ge=1, description="What the scratch volume may hold; unset means no limit."
    )
    threads: Annotated[int, Field(ge=1, le=256)] = Field(
        default=1,
        description="Threads of one inference, as the serving pods will have them: latency is "
        "measured with so many.",
    )
    optimizer_image: str

    def digest(self) -> str:
        """sha256:<hex> of everything that can change the result, and of nothing else.

        Where bytes are read from and written to is left out (their digests are in), and so is the
        room for them, so moving a file or rotating a Secret starts no second Job. So is the
        object's name: two objects with the same recipe share an artifact.
        """
        body: dict[str, Any] = self.model_dump(mode="json", by_alias=True)
        del body["name"], body["store"], body["scratchBytes"]
        body["model"].pop("source")
        for role in ("source", "calibration", "evaluation"):
            body[role] = body[role] and body[role]["digest"]
        return f"sha256:{canonical_sha256(body)}"


class Tensor(ApiModel):
    """A tensor of the served model; -1 stands for the batch dimension."""

    name: str
    dtype: str
    shape: tuple[int, ...]


class CapacityPoint(ApiModel):
    """Measured on the Job's node: one instance executing batches of this size back to back."""

    batch: int
    p50_milliseconds: float
    p99_milliseconds: float


class RecordedValue(ApiModel):
    """One output value of the smoke inference, at a flat index."""

    index: int
    value: float


class Smoke(ApiModel):
    """The answers that a pod must give before traffic reaches it.

    The input is made from the seed by `trifocal.triton.smoke_input`, so only numbers
    travel. `tolerance` is absolute: the runtime's own noise between CPU generations.
    """

    seed: int
    values: Annotated[tuple[RecordedValue, ...], Field(max_length=16)]
    tolerance: float


class FailureKind(StrEnum):
    """What a retry would change."""

    STALLED = "stalled"
    TRANSIENT = "transient"


class Failure(ApiModel):
    """Why there is no artifact."""

    kind: FailureKind
    reason: Reason
    message: Annotated[str, Field(max_length=1500)]


class OptimizationResult(ApiModel):
    """What the Job found."""

    schema_version: Literal["trifocal.dev/optimization/v1"] = "trifocal.dev/optimization/v1"
    request: Sha256
    failure: Failure | None = None
    artifact: Sha256 | None = None
    chosen: str | None = None
    candidates: tuple[CandidateStatus, ...] = ()
    inputs: tuple[Tensor, ...] = ()
    outputs: tuple[Tensor, ...] = ()
    capacity: tuple[CapacityPoint, ...] = ()
    smoke: Smoke | None = None


class Progress(ApiModel):
    """What the Job answers at `GET /progress` on PROGRESS_PORT while it runs."""

    step: Annotated[str, Field(max_length=200)]
    percent: Annotated[int, Field(ge=0, le=100)]


PROGRESS_PORT = 8090
"""TCP port of the Job's progress; read by the operator, never by the tenant."""


_REASON_LENGTHS = (1024, 400, 200, 100, 40, 0)
"""Characters of each candidate's reason, tried in turn until the result fits."""


def result_json(result: OptimizationResult, limit: int = MAX_TERMINATION_MESSAGE_BYTES) -> str:
    """The result as JSON of fewer than `limit` bytes.

    Reasons are shortened first: the report in the store holds them whole. Then the failure's
    sentence, which keeps its beginning.
    """
    text = ""
    for length in _REASON_LENGTHS:
        text = _json(_with_short_reasons(result, length))
        if len(text.encode()) < limit:
            return text
    if result.failure is None:
        raise ValueError(f"The result has {len(text.encode())} bytes, {limit} or more.")
    message = result.failure.message.encode()[: limit // 4].decode(errors="ignore")
    failure = result.failure.model_copy(update={"message": f"{message.rstrip()}..."})
    bare = OptimizationResult(request=result.request, failure=failure)
    return _json(bare)


def _json(result: OptimizationResult) -> str:
    return result.model_dump_json(by_alias=True, exclude_none=True)


def _with_short_reasons(result: OptimizationResult, length: int) -> OptimizationResult:
    candidates = tuple(
        candidate
        if len(candidate.reason) <= length
        else candidate.model_copy(update={"reason": _shortened(candidate.reason, length)})
        for candidate in result.candidates
    )
    return result.model_copy(update={"candidates": candidates})


def _shortened(text: str, length: int) -> str:
    return f"{text[: length - 3].rstrip()}..." if length else ""
