"""Runs models on the labelled data, each image decoded once for all of them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trifocal.optimizer.runtime import ModelRunError, Runner
from trifocal.optimizer.tasks.task import Accuracy, Item, Task

BATCH = 16
"""Images run at once: enough to use the caches well, little memory at any input size."""


@dataclass(frozen=True, kw_only=True)
class LabelledData:
    """The evaluation set, and how its images become tensors."""

    items: Sequence[Item[Any]]
    read: Callable[[Path], NDArray[np.float32]]
    batch: int = BATCH

    def batches(self) -> Iterator[tuple[NDArray[np.float32], list[Any]]]:
        """Tensors with their truths."""
        for start in range(0, len(self.items), self.batch):
            part = self.items[start : start + self.batch]
            yield np.stack([self.read(item.path) for item in part]), [item.truth for item in part]


def evaluate(
    runners: Mapping[str, Runner],
    data: LabelledData,
    task: Task,
    advance: Callable[[float], None],
) -> tuple[Mapping[str, Accuracy], Mapping[str, str]]:
    """Accuracy by name, and why by name for those that the runtime could not run."""
    judges = {name: task.judge() for name in runners}
    failures: dict[str, str] = {}
    done = 0
    for images, truths in data.batches():
        for name in judges.keys() - failures.keys():
            try:
                judges[name].add(runners[name].run(images), truths)
            except ModelRunError as error:
                failures[name] = str(error)
        done += len(truths)
        advance(done / len(data.items))
    return {
        name: judge.verdict() for name, judge in judges.items() if name not in failures
    }, failures
