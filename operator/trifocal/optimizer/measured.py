"""A candidate with all of its figures. Pure."""

from dataclasses import dataclass
from pathlib import Path

from trifocal.optimizer.latency import Latency
from trifocal.optimizer.tasks.task import Accuracy

SOURCE = "source"
"""Name of the candidate that is the model as it came."""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One variant that could be built and run."""

    name: str
    path: Path
    size: int
    """Bytes of its file."""
    accuracy: Accuracy
    latency: Latency
