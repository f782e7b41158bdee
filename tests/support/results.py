"""Results of optimizations for tests, as the Job writes them."""

from trifocal.api.condition import Reason
from trifocal.api.status import CandidateStatus, EdgeArtifact
from trifocal.optimizer.contract import (
    Failure,
    FailureKind,
    OptimizationResult,
    RecordedValue,
    Smoke,
    Tensor,
)
from trifocal.triton.tensorrt import EngineOrigin

NOBODY = "sha256:" + "0" * 64


def artifact(letter: str = "f") -> OptimizationResult:
    """fp16 chosen; int8 lost."""
    return OptimizationResult(
        request=NOBODY,
        artifact=f"sha256:{letter * 64}",
        chosen="fp16",
        candidates=(
            CandidateStatus(
                name="fp16",
                target="onnxruntime",
                verdict="Chosen",
                accuracy=0.97,
                accuracy_drop=0.001,
                latency_milliseconds=3.11,
                size_bytes=2_516_582,
            ),
            CandidateStatus(
                name="int8",
                target="onnxruntime",
                verdict="Lost",
                reason="top1 0.928 is 0.042 below the source's 0.970; the gate allows 0.01",
                accuracy=0.928,
                accuracy_drop=0.042,
            ),
        ),
        inputs=(Tensor(name="image", dtype="float32", shape=(-1, 3, 224, 224)),),
        outputs=(Tensor(name="scores", dtype="float32", shape=(-1, 3)),),
        smoke=Smoke(seed=1, values=(RecordedValue(index=0, value=0.5),), tolerance=0.01),
    )


def with_edge() -> OptimizationResult:
    """Of four candidates one is only in the report; int8 won for LiteRT; a doubt is noted."""
    served = artifact()
    litert = CandidateStatus(
        name="int8", target="litert", verdict="Chosen", accuracy=0.968, size_bytes=629_146
    )
    edge = EdgeArtifact(
        runtime="litert",
        artifact=f"sha256:{'e' * 64}",
        candidate="int8",
        size_bytes=629_146,
        accuracy=0.968,
        parity=0.991,
    )
    return served.model_copy(
        update={
            "candidates": (*served.candidates, litert),
            "candidates_omitted": 1,
            "edges": (edge,),
            "notes": ("training and evaluation data do not declare different origins",),
        }
    )


def engine(release: str) -> OptimizationResult:
    """A TensorRT engine that was built with the TensorRT of a release of Triton."""
    origin = EngineOrigin(tensorrt="11.2.1.2", triton_release=release, platform="linux-x86_64")
    return artifact().model_copy(update={"engine": origin})


def interrupted() -> OptimizationResult:
    """A failure that may pass by itself."""
    message = "s3://models/m.onnx cannot be reached (connection refused)."
    failure = Failure(kind=FailureKind.TRANSIENT, reason=Reason.SOURCE_UNREACHABLE, message=message)
    return OptimizationResult(request=NOBODY, failure=failure)


def refused(reason: Reason = Reason.SOURCE_BELOW_GATE) -> OptimizationResult:
    """A failure that only the user can mend."""
    message = "The source's top1 is 0.31; the gate's minimum is 0.9."
    failure = Failure(kind=FailureKind.STALLED, reason=reason, message=message)
    return OptimizationResult(request=NOBODY, failure=failure)
