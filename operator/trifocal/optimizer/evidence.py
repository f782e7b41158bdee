"""What data said about one model: everything that a gate judges. Pure values, also as JSON."""

import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from trifocal.optimizer.tasks.tally import Tally, Weights, packed, unpacked

EVALUATION = "evaluation"
"""The dataset with labels."""
VERSION = 1
"""Of the JSON; evidence of another version is collected again."""


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """How alike a model and the source answer the images of a dataset or of a slice of it."""

    dataset: str
    slice: str | None
    """None: the whole dataset."""
    items: int
    share: float
    """Mean of the items' agreement, 0 to 1."""


@dataclass(frozen=True, kw_only=True)
class Answers:
    """Raw outputs over all datasets."""

    items: int
    low: float
    """Smallest number of any answer; NaN when no answer is finite."""
    high: float
    at_low: int
    """Answers whose smallest number is exactly `low`."""
    at_high: int
    """Answers whose largest number is exactly `high`."""
    not_finite: int
    """Answers that held NaN or infinity."""
    constant: bool
    """All answers are the same, to different images."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Group:
    """A part of the evaluation data that must not get worse."""

    kind: Literal["slice", "class"]
    name: str
    members: NDArray[np.bool_]
    """[items]: those that belong to it; of a class, those that show it."""
    label: int | None
    """Index of the class that is measured; None for all."""

    @property
    def items(self) -> int:
        """Members."""
        return int(self.members.sum())

    @property
    def weights(self) -> Weights:
        """For `Tally.measure`: other items may hold wrong answers of a class, and count."""
        return (
            self.members.astype(np.float64) if self.kind == "slice" else np.ones(self.members.shape)
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Evidence:
    """One model on all data."""

    labels: tuple[str, ...]
    slices: tuple[str | None, ...]
    """Of each evaluation item."""
    tally: Tally
    agreement: tuple[Agreement, ...]
    answers: Answers

    @property
    def items(self) -> int:
        """Evaluation items."""
        return self.tally.items

    @property
    def metrics(self) -> dict[str, float]:
        """Accuracy on all evaluation data, by the gate's names; 0 to 1."""
        return {name: self.tally.measure(name) for name in self.tally.metrics}

    def groups(self) -> tuple[Group, ...]:
        """Slices in the order of their names, then the classes that the data show."""
        names = np.array([name or "" for name in self.slices], dtype=object)
        slices = [
            Group(kind="slice", name=name, members=names == name, label=None)
            for name in sorted({name for name in self.slices if name})
        ]
        classes = [
            Group(kind="class", name=name, members=self.tally.shows(label), label=label)
            for label, name in enumerate(self.labels)
        ]
        return (*slices, *(group for group in classes if group.items))

    def measure(self, metric: str, group: Group) -> float:
        """A metric on a part of the data."""
        return self.tally.measure(metric, group.weights, group.label)


def to_json(evidence: Evidence) -> dict[str, Any]:
    """For `from_json`."""
    return {
        "version": VERSION,
        "labels": list(evidence.labels),
        "slices": list(evidence.slices),
        "tally": packed(evidence.tally),
        "agreement": [asdict(row) for row in evidence.agreement],
        # JSON has no NaN.
        "answers": {
            name: None if value != value else value  # noqa: PLR0124 - only NaN differs from itself
            for name, value in asdict(evidence.answers).items()
        },
    }


def from_json(body: Mapping[str, Any]) -> Evidence | None:
    """Evidence that was kept; None when it is damaged or of another version."""
    try:
        if body["version"] != VERSION:
            return None
        answers: dict[str, Any] = {
            name: float("nan") if value is None else value
            for name, value in body["answers"].items()
        }
        return Evidence(
            labels=tuple(body["labels"]),
            slices=tuple(body["slices"]),
            tally=unpacked(body["tally"]),
            agreement=tuple(Agreement(**row) for row in body["agreement"]),
            answers=Answers(**answers),
        )
    except (AttributeError, KeyError, TypeError, ValueError, zlib.error):
        return None
