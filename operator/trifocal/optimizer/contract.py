"""The JSON between the operator and the optimization Job. Pure; imports no machine learning.

The request goes in as a file; the result comes back in the container's termination message,
which Kubernetes cuts at 4096 bytes. `result_json` keeps it below that.
"""

from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import Field

from trifocal.api.condition import Reason
from trifocal.api.gate import Gate
from trifocal.api.model import ModelSpec
from trifocal.api.names import canonical_sha256
from trifocal.api.optimization import Preference, Search
from trifocal.api.schema import ApiModel, Sha256
from trifocal.api.serving import Batching
from trifocal.api.sources import FIELDS, DatasetRole
from trifocal.api.status import CandidateStatus, EdgeArtifact, Name
from trifocal.api.target import SERVED, Target
from trifocal.api.techniques import (
    CALIBRATED,
    Distillation,
    FineTuning,
    Precision,
    Pruning,
    Quantization,
)
from trifocal.triton.tensorrt import EngineOrigin

SCHEMA = "trifocal.dev/optimization/v1"
MAX_TERMINATION_MESSAGE_BYTES = 4096
"""Kubelet's limit for one container's termination message."""

SOURCE = "source"
"""Name of the candidate that is the unchanged model."""


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
    teacher: ResolvedLocation | None = None
    training: ResolvedLocation | None = None
    calibration: ResolvedLocation | None = None
    evaluation: ResolvedLocation
    unlabelled: ResolvedLocation | None = None
    origins: dict[DatasetRole, str] = Field(
        default_factory=dict, description="Where each dataset's images come from, where told."
    )
    store: ResolvedLocation
    targets: tuple[Target, ...]
    search: Search
    precisions: tuple[Precision, ...]
    quantization: Quantization
    pruning: tuple[Pruning, ...]
    distillation: Distillation
    fine_tuning: FineTuning
    gate: Gate
    prefer: Preference
    batching: Batching
    scratch_bytes: int | None = Field(
        default=None, ge=1, description="What the scratch volume may hold; unset means no limit."
    )
    threads: Annotated[int, Field(ge=1, le=256)] = Field(
        default=1,
        description="Threads of one inference, as the serving pods will have them: latency is "
        "measured with so many.",
    )
    gpu_product: str | None = Field(
        default=None, description="GPU that a TensorRT engine is built on; None without one."
    )
    optimizer_image: str

    @property
    def served(self) -> Target:
        """The target that Triton serves."""
        return next(target for target in self.targets if target.runtime in SERVED)

    @property
    def calibrates(self) -> bool:
        """Whether any candidate is calibrated: only then are its images fetched and judged on."""
        return bool(CALIBRATED & set(self.precisions))

    def digest(self) -> str:
        """sha256:<hex> of everything that can change the result, and of nothing else.

        Where bytes are read from and written to is left out (their digests are in), and so is the
        room for them, so moving a file or rotating a Secret starts no second Job. So is the
        object's name: two objects with the same recipe share an artifact.
        """
        body: dict[str, Any] = self.model_dump(mode="json", by_alias=True)
        del body["name"], body["store"], body["scratchBytes"]
        del body["model"]["source"], body["distillation"]["teacher"]
        for role in FIELDS:
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
    chosen: Name | None = None
    candidates: tuple[CandidateStatus, ...] = ()
    candidates_omitted: Annotated[int, Field(ge=0)] = Field(
        default=0, description="Candidates that are only in the report."
    )
    edges: tuple[EdgeArtifact, ...] = ()
    engine: EngineOrigin | None = Field(
        default=None, description="What built the served model, if it is a TensorRT engine."
    )
    notes: tuple[str, ...] = Field(
        default=(), description="Sentences on how far the result can be trusted."
    )
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


_REASON_LENGTHS = (400, 200, 100, 60)
_NOTE_LENGTHS = (200, 120)
_MESSAGE_LENGTHS = (400, 150)
"""Characters of each sentence, tried in turn until the result fits."""
_DROPPED_FIRST = ("Failed", "Lost", "Passed")


def result_json(result: OptimizationResult, limit: int = MAX_TERMINATION_MESSAGE_BYTES) -> str:
    """The result as JSON of fewer than `limit` bytes; the report in the store holds it whole.

    What is given up, in turn: the ends of reasons and of notes, candidates (those that failed,
    then those that lost, then those that passed; the last ones first), all reasons and notes,
    capacity between one image and the largest batch, the end of a failure's sentence.

    Raises:
        ValueError: Not even what was chosen fits.
    """
    text = ""
    for shorter in _ever_shorter(result):
        text = _json(shorter)
        if len(text.encode()) < limit:
            return text
    raise ValueError(f"The result has {len(text.encode())} bytes, {limit} or more.")


def _json(result: OptimizationResult) -> str:
    return result.model_dump_json(by_alias=True, exclude_none=True)


def _ever_shorter(result: OptimizationResult) -> Iterator[OptimizationResult]:
    yield result
    for length in _REASON_LENGTHS:
        yield (result := _with_short_reasons(result, length))
    for length in _NOTE_LENGTHS:
        notes = tuple(_shortened(note, length) for note in result.notes)
        yield (result := result.model_copy(update={"notes": notes}))
    for candidate in _droppable(result.candidates):
        yield (result := _without(result, candidate))
    yield (result := _with_short_reasons(result, 0).model_copy(update={"notes": ()}))
    ends = tuple(dict.fromkeys((*result.capacity[:1], *result.capacity[-1:])))
    yield (result := result.model_copy(update={"capacity": ends}))
    for length in _MESSAGE_LENGTHS if result.failure else ():
        yield (result := _with_short_message(result, length))


def _droppable(candidates: Sequence[CandidateStatus]) -> Iterator[CandidateStatus]:
    for verdict in _DROPPED_FIRST:
        for candidate in reversed(candidates):
            if candidate.verdict == verdict and candidate.name != SOURCE:
                yield candidate


def _without(result: OptimizationResult, dropped: CandidateStatus) -> OptimizationResult:
    kept = tuple(each for each in result.candidates if each is not dropped)
    omitted = result.candidates_omitted + 1
    return result.model_copy(update={"candidates": kept, "candidates_omitted": omitted})


def _with_short_reasons(result: OptimizationResult, length: int) -> OptimizationResult:
    candidates = tuple(
        candidate.model_copy(update={"reason": _shortened(candidate.reason, length)})
        for candidate in result.candidates
    )
    return result.model_copy(update={"candidates": candidates})


def _with_short_message(result: OptimizationResult, length: int) -> OptimizationResult:
    if result.failure is None:
        return result
    message = _shortened(result.failure.message, length)
    failure = result.failure.model_copy(update={"message": message})
    return result.model_copy(update={"failure": failure})


def _shortened(text: str, length: int) -> str:
    if len(text) <= length:
        return text
    return f"{text[: length - 3].rstrip()}..." if length else ""
