"""Runs models on the data of the gate and collects the evidence."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trifocal.optimizer.calibration import Read
from trifocal.optimizer.dataset import Item
from trifocal.optimizer.evidence import EVALUATION, Agreement, Answers, Evidence
from trifocal.optimizer.runtimes.backend import ModelRunError, Runner
from trifocal.optimizer.tasks.task import Answer, Task

BATCH = 16
"""Images run at once: enough to use the caches well, little memory at any input size."""
REMEMBERED_BYTES = 256 << 20
"""Of tensors that are kept, so that each image is decoded once for all candidates."""
Advance = Callable[[float], None]
"""Told the share that is done."""


@dataclass(frozen=True, kw_only=True)
class Data:
    """The datasets of the gate, and how their images become tensors."""

    evaluation: Sequence[Item]
    others: Mapping[str, Sequence[Item]] = field(default_factory=dict)
    """By name; their labels, if any, are not looked at."""
    read: Read
    batch: int = BATCH

    @property
    def sets(self) -> Mapping[str, Sequence[Item]]:
        """All of them by name, evaluation first."""
        return {EVALUATION: self.evaluation, **self.others}

    @property
    def items(self) -> int:
        """Images of all datasets."""
        return sum(map(len, self.sets.values()))


class Examiner:
    """Collects evidence on the source and then on one candidate after the other.

    The source's decoded answers are kept; its raw outputs are not.
    """

    def __init__(self, task: Task, data: Data, source: Runner) -> None:
        self._task = task
        self._data = data
        self._source_runner = source
        self._shape: tuple[int, ...] | None = None
        self._reference: Mapping[str, Sequence[Answer]] = {}

    def source(self, advance: Advance) -> Evidence:
        """Evidence on the source: it agrees with itself.

        Raises:
            ModelRunError: The runtime refuses to run it.
            RefusedError: DatasetInvalid, for an image that cannot be read.
        """
        answers, outputs = self._answers(self._source_runner, advance)
        self._reference = answers
        return self._evidence(answers, outputs)

    def examine(self, runner: Runner, advance: Advance) -> Evidence:
        """Evidence on a candidate, with its agreement with the source, which runs first if need be.

        Raises:
            ModelRunError: The runtime refuses to run it, or its answers have another shape than
                the source's.
            RefusedError: DatasetInvalid, for an image that cannot be read.
        """
        if not self._reference:
            self.source(lambda _share: None)
        return self._evidence(*self._answers(runner, advance))

    def _answers(
        self, runner: Runner, advance: Advance
    ) -> tuple[Mapping[str, Sequence[Answer]], "OutputRange"]:
        answers: dict[str, list[Answer]] = defaultdict(list)
        outputs = OutputRange()
        done = 0
        for name, items, tensors in self._batches():
            raw = runner.run(tensors)
            self._check_shape(raw, len(items))
            outputs.add(raw)
            answers[name].extend(self._task.decode(raw, [item.path for item in items]))
            done += len(items)
            advance(done / self._data.items)
        return answers, outputs

    def _batches(self) -> Iterator[tuple[str, Sequence[Item], NDArray[np.float32]]]:
        for name, items in self._data.sets.items():
            for start in range(0, len(items), self._data.batch):
                part = items[start : start + self._data.batch]
                yield name, part, np.stack([self._data.read(item.path) for item in part])

    def _check_shape(self, raw: NDArray[Any], items: int) -> None:
        """The first answer of all is the source's, whose shape its task has checked."""
        self._shape = self._shape or raw.shape[1:]
        # The number of boxes may differ from batch to batch; the number of dimensions may not.
        if len(raw) != items or raw.ndim != len(self._shape) + 1:
            raise ModelRunError(
                f"it answers {items} images with the shape {list(raw.shape)}, and the source with "
                f"{[items, *self._shape]}"
            )

    def _evidence(
        self, answers: Mapping[str, Sequence[Answer]], outputs: "OutputRange"
    ) -> Evidence:
        return Evidence(
            labels=self._task.labels,
            slices=tuple(item.slice for item in self._data.evaluation),
            tally=self._task.tally(answers[EVALUATION], self._data.evaluation),
            agreement=tuple(
                row
                for name, items in self._data.sets.items()
                for row in self._agreement(name, items, answers[name])
            ),
            answers=outputs.summary(),
        )

    def _agreement(
        self, dataset: str, items: Sequence[Item], answers: Sequence[Answer]
    ) -> Iterator[Agreement]:
        """The whole dataset, then its slices."""
        by_slice: dict[str, list[float]] = defaultdict(list)
        shares = []
        for item, own, reference in zip(items, answers, self._reference[dataset], strict=True):
            shares.append(self._task.agreement(own, reference))
            if item.slice is not None:
                by_slice[item.slice].append(shares[-1])
        for name, part in ((None, shares), *sorted(by_slice.items())):
            yield Agreement(
                dataset=dataset, slice=name, items=len(part), share=float(np.mean(part))
            )


class OutputRange:
    """Watches raw outputs as they come by."""

    def __init__(self) -> None:
        self._lows: list[float] = []
        self._highs: list[float] = []
        self._items = 0
        self._first: NDArray[Any] | None = None
        self._constant = True

    def add(self, outputs: NDArray[Any]) -> None:
        """Take a batch of raw outputs [batch, ...]."""
        flat = outputs.reshape(len(outputs), -1)
        self._items += len(flat)
        if self._first is None:
            self._first = flat[0].copy()
        self._constant &= flat.shape[1:] == self._first.shape and bool(
            np.array_equal(flat, np.broadcast_to(self._first, flat.shape), equal_nan=True)
        )
        finite = flat[np.isfinite(flat).all(axis=1)]
        if finite.size:
            self._lows += finite.min(axis=1).tolist()
            self._highs += finite.max(axis=1).tolist()

    def summary(self) -> Answers:
        """Of everything added."""
        lows, highs = np.array(self._lows or [np.nan]), np.array(self._highs or [np.nan])
        return Answers(
            items=self._items,
            low=float(lows.min()),
            high=float(highs.max()),
            at_low=int((lows == lows.min()).sum()),
            at_high=int((highs == highs.max()).sum()),
            not_finite=self._items - len(self._lows),
            constant=self._constant and self._items > 1,
        )


def remembering(read: Read, limit: int = REMEMBERED_BYTES) -> Read:
    """The same tensors, kept from the first reading on, up to a number of bytes."""
    kept: dict[Path, NDArray[np.float32]] = {}
    used = 0

    def remembered(path: Path) -> NDArray[np.float32]:
        nonlocal used
        if path in kept:
            return kept[path]
        tensor = read(path)
        if used + tensor.nbytes <= limit:
            kept[path] = tensor
            used += tensor.nbytes
        return tensor

    return remembered
