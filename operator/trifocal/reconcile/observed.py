"""What one pass saw: plain values, read once, that plan and status are computed from."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from trifocal.autoscaling.decision import ScaleDecision
from trifocal.optimizer.contract import OptimizationResult, Progress

Manifest = Mapping[str, Any]
"""A Kubernetes object as JSON."""


@dataclass(frozen=True, kw_only=True)
class SmokeOutcome:
    """What the smoke inference against a revision's pods said."""

    revision: str
    passed: bool
    message: str
    differs: bool = False
    """Whether a pod gave other answers, which refuses the revision for good. Not passed without it
    means that a pod could not be asked: asking again may help."""
    checked_pods: frozenset[str] = frozenset()
    """uids of all pods of this revision that gave the recorded answers, earlier orders included."""


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """A child that the API server did not let us write; tried again with back-off."""

    kind: str
    name: str
    reason: str
    """NameTaken when another's object has the name; else the API's word: Forbidden, Invalid."""
    message: str
    """The API server's sentence."""


NAME_TAKEN = "NameTaken"
"""`Refusal.reason` when the name belongs to an object that is not ours."""


@dataclass(frozen=True, kw_only=True)
class Observed:
    """The children of one ModelDeployment, and what was learned about them."""

    jobs: tuple[Manifest, ...] = ()
    config_maps: tuple[Manifest, ...] = ()
    deployments: tuple[Manifest, ...] = ()
    """Of revisions."""
    headroom: tuple[Manifest, ...] = ()
    """The Deployment of placeholders. Their ReplicaSets and pods are no business of a pass."""
    replica_sets: tuple[Manifest, ...] = ()
    pods: tuple[Manifest, ...] = ()
    services: tuple[Manifest, ...] = ()
    pod_disruption_budgets: tuple[Manifest, ...] = ()
    network_policies: tuple[Manifest, ...] = ()
    events: tuple[Manifest, ...] = ()
    """Warning events about those pods, Jobs and ReplicaSets; newest last."""
    missing_references: tuple[tuple[str, str], ...] = ()
    """(kind, name) of Secrets, claims and ServiceAccounts that the spec names and do not exist."""
    results: Mapping[str, OptimizationResult] = field(default_factory=dict)
    """Results by request digest: what a result ConfigMap records, else what the last attempt's pod
    wrote as it ended."""
    progress: Progress | None = None
    smoke: SmokeOutcome | None = None
    decision: ScaleDecision | None = None
    refusals: tuple[Refusal, ...] = ()
    """What this pass could not apply; empty while planning, filled in before status."""

    def applied(self) -> Iterator[tuple[str, Manifest]]:
        """The children that the operator itself writes, each with its kind."""
        by_kind = {
            "Job": self.jobs,
            "ConfigMap": self.config_maps,
            "Deployment": (*self.deployments, *self.headroom),
            "Service": self.services,
            "PodDisruptionBudget": self.pod_disruption_budgets,
            "NetworkPolicy": self.network_policies,
        }
        return ((kind, child) for kind, found in by_kind.items() for child in found)
