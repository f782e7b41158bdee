"""The termination message: always fewer bytes than the kubelet keeps, the essential part whole."""

from hypothesis import given
from hypothesis import strategies as st

from trifocal.api.condition import Reason
from trifocal.api.status import CandidateStatus
from trifocal.optimizer.contract import (
    MAX_TERMINATION_MESSAGE_BYTES,
    CapacityPoint,
    Failure,
    FailureKind,
    OptimizationResult,
    RecordedValue,
    Smoke,
    Tensor,
    result_json,
)

DIGEST = f"sha256:{'a' * 64}"


def result(reason: str = "why", **changes: object) -> OptimizationResult:
    fields = {
        "request": DIGEST,
        "artifact": DIGEST,
        "chosen": "fp16",
        "candidates": tuple(
            CandidateStatus(
                name=name,
                verdict="Lost",
                reason=reason,
                accuracy=0.123456,
                accuracy_drop=-0.123456,
                latency_milliseconds=12345.6789,
                size_bytes=2**31,
            )
            for name in ("source", "fp32", "fp16", "int8")
        ),
        "inputs": (Tensor(name="x" * 128, dtype="float32", shape=(-1, 3, 224, 224)),),
        "outputs": (Tensor(name="y" * 128, dtype="float32", shape=(-1, 10000)),),
        "capacity": tuple(
            CapacityPoint(batch=2**i, p50_milliseconds=1234.5678, p99_milliseconds=12345.6789)
            for i in range(11)
        ),
        "smoke": Smoke(
            seed=1,
            values=tuple(RecordedValue(index=9000 + i, value=-1.234567e-05) for i in range(16)),
            tolerance=0.001397,
        ),
    }
    return OptimizationResult.model_validate({**fields, **changes})


@given(st.text(max_size=1024))
def test_largest_result_fits_whatever_its_reasons(reason: str) -> None:
    text = result_json(result(reason))

    assert len(text.encode()) < MAX_TERMINATION_MESSAGE_BYTES
    read = OptimizationResult.model_validate_json(text)
    whole = result(reason)
    assert read.model_copy(update={"candidates": ()}) == whole.model_copy(update={"candidates": ()})
    assert [c.accuracy for c in read.candidates] == [c.accuracy for c in whole.candidates]


def test_short_reasons_are_left_whole() -> None:
    assert OptimizationResult.model_validate_json(result_json(result())) == result()


def test_long_reasons_keep_their_beginning() -> None:
    read = OptimizationResult.model_validate_json(result_json(result("top1 is below. " * 60)))

    assert all(c.reason.startswith("top1 is below.") for c in read.candidates)
    assert all(c.reason.endswith("...") for c in read.candidates)


@given(st.text(max_size=1500))
def test_failure_fits_with_its_candidates_or_without(message: str) -> None:
    failure = Failure(kind=FailureKind.STALLED, reason=Reason.SOURCE_BELOW_GATE, message=message)

    text = result_json(result("r" * 1024, failure=failure, artifact=None, smoke=None))

    assert len(text.encode()) < MAX_TERMINATION_MESSAGE_BYTES
    read = OptimizationResult.model_validate_json(text)
    assert read.failure is not None
    assert read.failure.reason is Reason.SOURCE_BELOW_GATE
