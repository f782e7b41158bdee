"""Conditions as data: their types, the closed list of reasons, and how `Ready` follows from them.

Nothing here sets `Ready`: it is computed by `summarize` from the other conditions. `Reconciling`
and `Stalled` follow kstatus: they are present only while True.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Literal

ConditionStatus = Literal["True", "False", "Unknown"]


class ConditionType(StrEnum):
    """What a condition speaks about."""

    READY = "Ready"
    """The wanted revision serves and every other condition agrees. Computed."""
    OPTIMIZED = "Optimized"
    """An artifact that passed its gate exists for this spec."""
    AVAILABLE = "Available"
    """Enough pods of the wanted revision are ready."""
    VERIFIED = "Verified"
    """The wanted revision gave the answers that the gate recorded, and has the traffic."""
    OBJECTIVE_MET = "ObjectiveMet"
    """The measured tail latency is within the objective. Unknown without traffic."""
    RECONCILING = "Reconciling"
    """Work is under way (kstatus, present only while True)."""
    STALLED = "Stalled"
    """Nothing will happen until the user acts (kstatus, present only while True)."""


class Reason(StrEnum):
    """Every reason that a condition or an event can carry."""

    # Progress
    READY = "Ready"
    PENDING = "Pending"
    OPTIMIZED = "Optimized"
    OPTIMIZING = "Optimizing"
    WAITING_FOR_ARTIFACT = "WaitingForArtifact"
    STARTING_PODS = "StartingPods"
    PODS_READY = "PodsReady"
    DEARER_PRODUCT = "DearerProduct"
    VERIFYING = "Verifying"
    ANSWERS_MATCH = "AnswersMatch"
    SCALED_TO_ZERO = "ScaledToZero"
    WAKING = "Waking"
    SUSPENDED = "Suspended"
    # Objective
    NO_OBJECTIVE = "NoObjective"
    NO_TRAFFIC = "NoTraffic"
    NO_METRICS = "NoMetrics"
    WITHIN_OBJECTIVE = "WithinObjective"
    MISSING_OBJECTIVE = "MissingObjective"
    # The user must act: input
    INVALID_SPEC = "InvalidSpec"
    DIGEST_MISMATCH = "DigestMismatch"
    SOURCE_UNREACHABLE = "SourceUnreachable"
    SOURCE_REFUSED = "SourceRefused"
    CREDENTIALS_INVALID = "CredentialsInvalid"
    MODEL_INVALID = "ModelInvalid"
    INPUT_MISMATCH = "InputMismatch"
    LABELS_MISMATCH = "LabelsMismatch"
    DATASET_INVALID = "DatasetInvalid"
    ARCHIVE_REFUSED = "ArchiveRefused"
    SOURCE_BELOW_GATE = "SourceBelowGate"
    # The user must act: resources
    IMAGE_NOT_CONFIGURED = "ImageNotConfigured"
    SECRET_MISSING = "SecretMissing"  # noqa: S105 - a reason, not a password
    CLAIM_MISSING = "ClaimMissing"
    SERVICE_ACCOUNT_MISSING = "ServiceAccountMissing"
    OUT_OF_MEMORY = "OutOfMemory"
    DEADLINE_EXCEEDED = "DeadlineExceeded"
    DISK_FULL = "DiskFull"
    STORE_UNWRITABLE = "StoreUnwritable"
    OPTIMIZATION_FAILED = "OptimizationFailed"
    # Serving pods
    ENGINE_MISMATCH = "EngineMismatch"
    UNSCHEDULABLE = "Unschedulable"
    IMAGE_PULL_FAILED = "ImagePullFailed"
    CRASHING = "Crashing"
    ARTIFACT_UNREADABLE = "ArtifactUnreadable"
    POD_REFUSED = "PodRefused"
    WAKE_UP_UNKNOWN = "WakeUpUnknown"
    BUDGET_LIMITED = "BudgetLimited"
    ANSWERS_DIFFER = "AnswersDiffer"
    REVISION_REFUSED = "RevisionRefused"
    SMOKE_UNREACHABLE = "SmokeUnreachable"
    NAME_TAKEN = "NameTaken"


USER_MUST_ACT = frozenset(
    {
        Reason.SUSPENDED,
        Reason.INVALID_SPEC,
        Reason.DIGEST_MISMATCH,
        Reason.SOURCE_UNREACHABLE,
        Reason.SOURCE_REFUSED,
        Reason.CREDENTIALS_INVALID,
        Reason.MODEL_INVALID,
        Reason.INPUT_MISMATCH,
        Reason.LABELS_MISMATCH,
        Reason.DATASET_INVALID,
        Reason.ARCHIVE_REFUSED,
        Reason.SOURCE_BELOW_GATE,
        Reason.IMAGE_NOT_CONFIGURED,
        Reason.SECRET_MISSING,
        Reason.CLAIM_MISSING,
        Reason.SERVICE_ACCOUNT_MISSING,
        Reason.OUT_OF_MEMORY,
        Reason.DEADLINE_EXCEEDED,
        Reason.DISK_FULL,
        Reason.STORE_UNWRITABLE,
        Reason.OPTIMIZATION_FAILED,
        Reason.ENGINE_MISMATCH,
        Reason.ANSWERS_DIFFER,
        Reason.REVISION_REFUSED,
        Reason.NAME_TAKEN,
    }
)
"""Reasons that stall: the same inputs give the same failure, so Trifocal waits for the user.

The other failures of serving pods are not here, because the cluster may cure them by itself: a
node joins (Unschedulable), a registry answers again (ImagePullFailed), a quota is freed
(PodRefused), the kubelet restarts a container (Crashing, ArtifactUnreadable), Prometheus answers
again (WakeUpUnknown), other models need fewer GPUs (BudgetLimited).
"""

STEPS = (ConditionType.OPTIMIZED, ConditionType.AVAILABLE, ConditionType.VERIFIED)
"""What Ready needs, in causal order: the first that is not True says why Ready is not."""

_COMPUTED = frozenset({ConditionType.READY, ConditionType.RECONCILING, ConditionType.STALLED})


@dataclass(frozen=True, kw_only=True)
class Condition:
    """One condition as it stands in status."""

    type: ConditionType
    status: ConditionStatus
    reason: Reason
    message: str
    observed_generation: int
    last_transition_time: datetime


def carry_transition_times(
    conditions: Iterable[Condition], stored: Iterable[Condition]
) -> tuple[Condition, ...]:
    """Keep the stored transition time wherever the status has not changed."""
    before = {c.type: c for c in stored}
    return tuple(
        replace(c, last_transition_time=before[c.type].last_transition_time)
        if c.type in before and before[c.type].status == c.status
        else c
        for c in conditions
    )


def summarize(
    conditions: Sequence[Condition], *, generation: int, now: datetime
) -> tuple[Condition, ...]:
    """Ready first, then the given conditions, then Reconciling or Stalled while one is True.

    The first of Optimized, Available and Verified that is not True decides; a missing one, or
    one that speaks about an older generation, counts as Unknown:

    | first step that is not True       | Ready            | Reconciling | Stalled |
    |-----------------------------------|------------------|-------------|---------|
    | none                              | True             | absent      | absent  |
    | reason is in USER_MUST_ACT        | its own status   | absent      | True    |
    | any other reason                  | its own status   | True        | absent  |
    | missing, or older generation      | Unknown          | True        | absent  |

    So kstatus reads Current, Failed, InProgress and InProgress. ObjectiveMet has no vote: a slow
    model still answers. A suspended object whose steps are all True stays Ready; one that was
    suspended on its way carries Suspended on a step, and is Stalled until it is resumed.

    Reason and message are the deciding step's, so a caller that still serves an older revision
    says so in that step's message. Transition times of what is computed here are `now`; see
    `carry_transition_times`. Conditions of a computed type are replaced, so the function is
    idempotent.
    """
    given = tuple(c for c in conditions if c.type not in _COMPUTED)
    ready = _ready({c.type: c for c in given}, generation=generation, now=now)
    if ready.status == "True":
        return (ready, *given)
    stalled = ready.reason in USER_MUST_ACT
    flag = ConditionType.STALLED if stalled else ConditionType.RECONCILING
    return (ready, *given, replace(ready, type=flag, status="True"))


def _ready(
    given: Mapping[ConditionType, Condition], *, generation: int, now: datetime
) -> Condition:
    steps = tuple(_current(step, given.get(step), generation, now) for step in STEPS)
    blocking = next((step for step in steps if step.status != "True"), None)
    decisive = blocking or next(
        (step for step in steps if step.reason is Reason.SCALED_TO_ZERO),
        replace(steps[-1], reason=Reason.READY),
    )
    return replace(decisive, type=ConditionType.READY, last_transition_time=now)


def _current(
    step: ConditionType, condition: Condition | None, generation: int, now: datetime
) -> Condition:
    if condition is not None and condition.observed_generation >= generation:
        return replace(condition, observed_generation=generation)
    return Condition(
        type=step,
        status="Unknown",
        reason=Reason.PENDING,
        message=f"Generation {generation} has not been looked at yet.",
        observed_generation=generation,
        last_transition_time=now,
    )
