"""How the work ends without an artifact: any error, in the contract's words."""

import errno

from trifocal.api.condition import Reason
from trifocal.artifacts.failure import MAX_SENTENCE, InterruptedWorkError, RefusedError, WorkError
from trifocal.artifacts.filesystem import disk_full
from trifocal.optimizer.contract import Failure, FailureKind
from trifocal.optimizer.report import Judgement


class SourceBelowGateError(RefusedError):
    """The source misses its gate and nothing else passes: only the user can change that."""

    def __init__(self, sentence: str, judgements: tuple[Judgement, ...]) -> None:
        super().__init__(Reason.SOURCE_BELOW_GATE, sentence)
        self.judgements = judgements


def failure_of(error: Exception) -> Failure:
    """Kind, reason and sentence. What nobody foresaw may pass by itself: the Job retries."""
    if isinstance(error, WorkError):
        passing = isinstance(error, InterruptedWorkError)
        kind = FailureKind.TRANSIENT if passing else FailureKind.STALLED
        return Failure(kind=kind, reason=error.reason, message=str(error))
    if isinstance(error, MemoryError):
        return Failure(
            kind=FailureKind.STALLED,
            reason=Reason.OUT_OF_MEMORY,
            message="The optimization needs more memory than it may use; raise "
            "spec.optimization.job.resources.limits.memory.",
        )
    if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return failure_of(disk_full("the scratch disk"))
    what = f"{type(error).__name__}: {error}"[: MAX_SENTENCE - 100]
    return Failure(
        kind=FailureKind.TRANSIENT,
        reason=Reason.OPTIMIZATION_FAILED,
        message=f"The optimization failed unexpectedly ({what}); the Job's log holds the details.",
    )
