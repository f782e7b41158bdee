"""What the optimizer must know about a task to judge a model: a Protocol, one module per task."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class GroupAccuracy:
    """Accuracy on one class."""

    label: str
    items: int
    accuracy: float


@dataclass(frozen=True, kw_only=True)
class Accuracy:
    """What a model got right on the labelled data."""

    items: int
    metrics: dict[str, float]
    """By the gate's metric names, each from 0 to 1; higher is better."""
    groups: tuple[GroupAccuracy, ...] = ()
    not_finite: int = 0
    """Items whose answer held NaN or infinity; they count as wrong."""


class Judge(Protocol):
    """Collects a model's answers and says how accurate they are. One for each model."""

    def add(self, answers: NDArray[Any], truths: Sequence[Any]) -> None:
        """Take the answers to one batch and their truths."""

    def verdict(self) -> Accuracy:
        """Accuracy over everything added."""


Truth_co = TypeVar("Truth_co", covariant=True)


class Item(Protocol[Truth_co]):
    """One labelled file."""

    @property
    def path(self) -> Path:
        """The image."""

    @property
    def truth(self) -> Truth_co:
        """What is true of it, as the task's Judge understands it."""


class Task(Protocol):
    """One kind of model."""

    def items(self, folder: Path) -> Sequence[Item[Any]]:
        """Labelled items of an unpacked evaluation set.

        Raises:
            RefusedError: DatasetInvalid.
        """

    def check_answer(self, output: str, shape: Sequence[int]) -> None:
        """Check the shape of the answer to a batch of one.

        Raises:
            RefusedError: LabelsMismatch, or whatever else does not fit the task.
        """

    def judge(self) -> Judge:
        """A judge who has seen nothing yet."""
