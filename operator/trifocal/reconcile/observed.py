"""What one pass saw: plain values, read once, that plan and status are computed from."""

from collections.abc import Mapping
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
    checked_pods: frozenset[str] = frozenset()
    """uids of the pods that gave the recorded answers."""


@dataclass(frozen=True, kw_only=True)
class Observed:
    """The children of one ModelDeployment, and what was learned about them."""

    jobs: tuple[Manifest, ...] = ()
    config_maps: tuple[Manifest, ...] = ()
    deployments: tuple[Manifest, ...] = ()
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
    """Recorded results by request digest."""
    progress: Progress | None = None
    smoke: SmokeOutcome | None = None
    decision: ScaleDecision | None = None
