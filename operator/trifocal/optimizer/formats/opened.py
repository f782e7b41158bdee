"""What the conversion needs of a source that was opened in its own framework: a Protocol."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray


class OpenedModel(Protocol):
    """A source model in its own framework."""

    @property
    def framework(self) -> str:
        """Name and version of the framework, for the report."""

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences for the report."""

    def write_onnx(self, target: Path) -> str:
        """Write the graph, and return the name of the output that holds the answer.

        Raises:
            RefusedError: ModelInvalid: the exporter cannot express it in ONNX.
        """

    def run(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """The source's own answers [batch, ...].

        Raises:
            RefusedError: InputMismatch: the network does not take that input.
        """


def first_line(error: BaseException) -> str:
    """What a framework says, short enough for a status."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0][:300]}" if lines else type(error).__name__


def in_batches(
    run: Callable[[NDArray[np.float32]], NDArray[Any]], batch: NDArray[np.float32], size: int | None
) -> NDArray[Any]:
    """Answers of a network that takes exactly `size` images; None: any number.

    The last batch is filled up with its last image, whose extra answers are dropped.
    """
    if size is None or size == len(batch):
        return run(batch)
    missing = -len(batch) % size
    padded = np.concatenate([batch, np.repeat(batch[-1:], missing, axis=0)])
    answers = [run(padded[at : at + size]) for at in range(0, len(padded), size)]
    return np.concatenate(answers)[: len(batch)]
