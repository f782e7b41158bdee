"""What the optimizer must know about a task to judge a model: a Protocol, one module per task."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from numpy.typing import NDArray

from trifocal.optimizer.dataset import Item
from trifocal.optimizer.tasks.tally import Tally

Answer = Any
"""A model's answer to one image, decoded: what its task makes of it, small enough to be kept."""


class Task(Protocol):
    """One kind of model."""

    @property
    def labels(self) -> tuple[str, ...]:
        """Its classes."""

    def items(self, folder: Path) -> Sequence[Item]:
        """Labelled items of an unpacked evaluation set.

        Raises:
            RefusedError: DatasetInvalid.
        """

    def check_answer(self, output: str, shape: Sequence[int]) -> None:
        """Check the shape of the answer to a batch of one.

        Raises:
            RefusedError: LabelsMismatch, or whatever else does not fit the task.
        """

    def decode(self, outputs: NDArray[Any], paths: Sequence[Path]) -> Sequence[Answer]:
        """The answers in a batch of raw outputs [batch, ...]; `paths` are the images' files.

        NaN and infinity never raise: they are answers that say nothing.
        """

    def agreement(self, one: Answer, other: Answer) -> float:
        """How alike two answers to one image are, right or wrong, from 0 to 1. Symmetric."""

    def tally(self, answers: Sequence[Answer], items: Sequence[Item]) -> Tally:
        """What a model got right: its answers against the items' truths, in the same order."""
