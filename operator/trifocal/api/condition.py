"""Conditions as data: their types, the closed list of reasons, and how `Ready` follows from them.

Nothing here sets `Ready`: it is computed by `summarize` from the other conditions. `Reconciling`
and `Stalled` follow kstatus: they are present only while True.
"""

from collections.abc import Iterable
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
    OPTIMIZED = "Optimized"
    OPTIMIZING = "Optimizing"
    WAITING_FOR_ARTIFACT = "WaitingForArtifact"
    STARTING_PODS = "StartingPods"
    PODS_READY = "PodsReady"
    VERIFYING = "Verifying"
    ANSWERS_MATCH = "AnswersMatch"
    SCALED_TO_ZERO = "ScaledToZero"
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
    SECRET_MISSING = "SecretMissing"  # noqa: S105 - a reason, not a password
    CLAIM_MISSING = "ClaimMissing"
    SERVICE_ACCOUNT_MISSING = "ServiceAccountMissing"
    OUT_OF_MEMORY = "OutOfMemory"
    DEADLINE_EXCEEDED = "DeadlineExceeded"
    DISK_FULL = "DiskFull"
    STORE_UNWRITABLE = "StoreUnwritable"
    OPTIMIZATION_FAILED = "OptimizationFailed"
    # Serving pods
    UNSCHEDULABLE = "Unschedulable"
    IMAGE_PULL_FAILED = "ImagePullFailed"
    CRASHING = "Crashing"
    ARTIFACT_UNREADABLE = "ArtifactUnreadable"
    POD_REFUSED = "PodRefused"
    ANSWERS_DIFFER = "AnswersDiffer"
    SMOKE_UNREACHABLE = "SmokeUnreachable"
    NAME_TAKEN = "NameTaken"


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
