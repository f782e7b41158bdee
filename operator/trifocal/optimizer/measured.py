"""A candidate with all of its figures. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from trifocal.optimizer.contract import SOURCE
from trifocal.optimizer.evidence import Evidence
from trifocal.optimizer.latency import Latency

__all__ = ["SOURCE", "Measured"]


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One variant that could be built and run."""

    name: str
    path: Path
    size: int
    """Bytes of its file."""
    evidence: Evidence
    latency: Latency
    """Of one image."""
    full_batch: Latency
    """Of the largest batch; the same where that is one."""
    notes: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
