"""The termination message: always fewer bytes than the kubelet keeps, the essential part whole."""

from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trifocal.api.condition import Reason
from trifocal.api.status import CandidateStatus, EdgeArtifact
from trifocal.api.target import Runtime
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
from trifocal.triton.tensorrt import EngineOrigin

DIGEST = f"sha256:{'a' * 64}"
LONGEST_NAME = "student-tf_mobilenetv3_large_minimal_100-int8-percentile-tensor"
"""Of timm's names without a tag one of the longest, with all that a recipe can add."""

ENGINE = EngineOrigin(
    tensorrt="11.2.1.2",
    triton_release="26.07",
    gpu="NVIDIA RTX PRO 6000 Blackwell Server Edition",
    compute_capability="12.0",
    cuda=13,
    platform="linux-x86_64",
)

Verdict = Literal["Chosen", "Passed", "Lost", "Failed"]


def candidate(
    name: str, verdict: Verdict = "Lost", *, target: Runtime = "onnxruntime", reason: str = "why"
) -> CandidateStatus:
    return CandidateStatus(
        name=name,
        target=target,
        verdict=verdict,
        reason=reason,
        accuracy=0.123456,
        accuracy_drop=-0.123456,
        agreement=0.123456,
        latency_milliseconds=12345.6789,
        size_bytes=2**31,
    )


def edge(runtime: Runtime) -> EdgeArtifact:
    return EdgeArtifact(
        runtime=runtime,
        artifact=DIGEST,
        candidate=LONGEST_NAME,
        size_bytes=2**31,
        accuracy=0.123456,
        parity=0.123456,
    )


def result(reason: str = "why", **changes: Any) -> OptimizationResult:
    fields = {
        "request": DIGEST,
        "artifact": DIGEST,
        "chosen": "fp16",
        "candidates": (
            candidate("source", "Passed", reason=reason),
            candidate("fp32", "Passed", reason=reason),
            candidate("fp16", "Chosen", reason=reason),
            candidate("int8", reason=reason),
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


def read(text: str) -> OptimizationResult:
    assert len(text.encode()) < MAX_TERMINATION_MESSAGE_BYTES
    return OptimizationResult.model_validate_json(text)


def names(found: OptimizationResult) -> list[tuple[str, str]]:
    return [(each.name, each.verdict) for each in found.candidates]


def test_short_reasons_are_left_whole() -> None:
    assert read(result_json(result())) == result()


@given(st.text(max_size=1024))
def test_four_candidates_keep_their_figures_whatever_their_reasons(reason: str) -> None:
    whole = result(reason)
    found = read(result_json(whole))

    assert found.model_copy(update={"candidates": ()}) == whole.model_copy(
        update={"candidates": ()}
    )
    assert [c.accuracy for c in found.candidates] == [c.accuracy for c in whole.candidates]


def test_long_reasons_keep_their_beginning() -> None:
    found = read(result_json(result("top1 is below. " * 60)))

    assert all(c.reason.startswith("top1 is below.") for c in found.candidates)
    assert all(c.reason.endswith("...") for c in found.candidates)


TEXT = st.text(max_size=200)


@given(
    rows=st.lists(
        st.tuples(st.sampled_from(["Passed", "Lost", "Failed"]), st.integers(1, 64), TEXT),
        max_size=60,
    ),
    notes=st.lists(TEXT, max_size=8),
    edges=st.integers(0, 3),
)
def test_sixty_candidates_with_notes_and_edges_fit(
    rows: list[tuple[Verdict, int, str]], notes: list[str], edges: int
) -> None:
    winners: tuple[Runtime, ...] = ("onnxruntime", "litert", "executorch", "tensorrt")
    candidates = [
        *(
            candidate(("c" * 60 + str(i))[-size:], v, reason=r)
            for i, (v, size, r) in enumerate(rows)
        ),
        candidate("source", "Passed"),
        *(candidate(LONGEST_NAME, "Chosen", target=winners[i]) for i in range(edges + 1)),
    ]
    whole = result(
        candidates=tuple(candidates),
        chosen=LONGEST_NAME,
        notes=tuple(notes),
        edges=tuple(edge(runtime) for runtime in winners[1 : edges + 1]),
        engine=ENGINE,
        inputs=(Tensor(name="image", dtype="float32", shape=(-1, 3, 224, 224)),),
        outputs=(Tensor(name="scores", dtype="float32", shape=(-1, 1000)),),
    )

    found = read(result_json(whole))

    assert found.candidates_omitted + len(found.candidates) == len(candidates)
    kept = names(found)
    assert ("source", "Passed") in kept
    assert sum(verdict == "Chosen" for _, verdict in kept) == edges + 1
    kept_whole = {"edges", "engine", "smoke", "inputs", "outputs"}
    assert found.model_dump(include=kept_whole) == whole.model_dump(include=kept_whole)


@pytest.mark.parametrize("count", [12, 60])
def test_what_failed_is_left_out_before_what_lost_and_that_before_what_passed(count: int) -> None:
    verdicts: tuple[Verdict, ...] = ("Passed", "Lost", "Failed")
    many = [candidate(f"c{i}", verdicts[i % 3], reason="r" * 300) for i in range(count)]
    whole = result(candidates=(candidate("fp16", "Chosen"), *many))

    found = read(result_json(whole))

    assert found.candidates_omitted > 0
    kept = {verdict: sum(v == verdict for _, v in names(found)) for verdict in verdicts}
    assert kept["Failed"] == 0 or kept["Lost"] == kept["Passed"] == count // 3
    assert kept["Lost"] == 0 or kept["Passed"] == count // 3
    # Of one verdict the last are left out: they were tried last, as the least promising.
    assert names(found) == [row for row in names(whole) if row in names(found)]
    passed = [name for name, verdict in names(found) if verdict == "Passed"]
    assert passed == [f"c{3 * i}" for i in range(len(passed))]


def test_candidates_that_are_kept_still_say_why() -> None:
    many = tuple(candidate(f"c{i}", reason="top1 is below. " * 20) for i in range(60))

    found = read(result_json(result(candidates=many)))

    assert found.candidates
    assert all(c.reason.startswith("top1 is below.") for c in found.candidates)


@given(st.text(max_size=1500))
def test_failure_fits_with_its_candidates_or_without(message: str) -> None:
    failure = Failure(kind=FailureKind.STALLED, reason=Reason.SOURCE_BELOW_GATE, message=message)

    found = read(result_json(result("r" * 1024, failure=failure, artifact=None, smoke=None)))

    assert found.failure is not None
    assert found.failure.reason is Reason.SOURCE_BELOW_GATE


@pytest.mark.parametrize("character", ["\x00", "\U0001f600"])
def test_a_failure_in_characters_that_need_many_bytes_is_cut(character: str) -> None:
    message = character * 1500
    failure = Failure(kind=FailureKind.STALLED, reason=Reason.MODEL_INVALID, message=message)

    found = read(result_json(OptimizationResult(request=DIGEST, failure=failure)))

    assert found.failure is not None
    assert found.failure.message.endswith("...")
