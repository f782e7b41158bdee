"""Examining models: each image decoded once, agreement on every dataset, the raw answers' range."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from trifocal.optimizer.dataset import Item
from trifocal.optimizer.evaluation import Data, Examiner, remembering
from trifocal.optimizer.evidence import Agreement, from_json, to_json
from trifocal.optimizer.runtimes.backend import ModelRunError
from trifocal.optimizer.tasks.classification import Classification


@dataclass(frozen=True, kw_only=True)
class Function:
    """A runner that computes its answers."""

    answer: Callable[[NDArray[Any]], NDArray[Any]]
    batches: list[int] = field(default_factory=list)

    def run(self, batch: NDArray[Any]) -> NDArray[Any]:
        self.batches.append(len(batch))
        return self.answer(batch)


def read(path: Path) -> NDArray[np.float32]:
    """The number in the file's name."""
    return np.array([float(path.stem)], np.float32)


def scores(batch: NDArray[Any]) -> NDArray[Any]:
    """Even numbers are of class 0, odd ones of class 1."""
    odd = batch[:, 0] % 2
    return np.asarray(np.stack([1 - odd, odd], axis=1) * (1 + batch))


def never_odd(batch: NDArray[Any]) -> NDArray[Any]:
    return np.stack([1 + batch[:, 0], np.zeros(len(batch))], axis=1)


def data(**changes: Any) -> Data:
    items = [
        Item(path=Path(f"{n}.png"), truth=n % 2, slice="odd" if n % 2 else None) for n in range(5)
    ]
    others = {"calibration": [Item(path=Path(f"{n}.png")) for n in range(10, 14)]}
    return Data(**{"evaluation": items, "others": others, "read": read, "batch": 2, **changes})


def silent(_share: float) -> None:
    pass


def test_the_source_is_right_and_agrees_with_itself() -> None:
    runner = Function(answer=scores)
    shares: list[float] = []

    evidence = Examiner(Classification("ab"), data(), runner).source(shares.append)

    assert runner.batches == [2, 2, 1, 2, 2]
    assert shares == pytest.approx([2 / 9, 4 / 9, 5 / 9, 7 / 9, 1])
    assert evidence.metrics == {"top1": 1.0, "top5": 1.0}
    assert {row.share for row in evidence.agreement} == {1.0}


def test_candidate_is_judged_on_every_dataset_and_slice() -> None:
    examiner = Examiner(Classification("ab"), data(), Function(answer=scores))

    evidence = examiner.examine(Function(answer=never_odd), silent)

    assert evidence.metrics["top1"] == pytest.approx(3 / 5)
    assert evidence.agreement == (
        Agreement(dataset="evaluation", slice=None, items=5, share=3 / 5),
        Agreement(dataset="evaluation", slice="odd", items=2, share=0.0),
        Agreement(dataset="calibration", slice=None, items=4, share=0.5),
    )
    groups = [(group.kind, group.name, group.items) for group in evidence.groups()]
    assert groups == [("slice", "odd", 2), ("class", "a", 3), ("class", "b", 2)]
    assert [evidence.measure("top1", group) for group in evidence.groups()] == [0, 1, 0]


def test_the_source_runs_once_for_all_candidates() -> None:
    source = Function(answer=scores)
    examiner = Examiner(Classification("ab"), data(), source)
    for _ in range(3):
        examiner.examine(Function(answer=scores), silent)

    assert sum(source.batches) == 9


def test_range_of_the_answers() -> None:
    def clipped(batch: NDArray[Any]) -> NDArray[Any]:
        return np.asarray(np.minimum(scores(batch), 3.0))

    examiner = Examiner(Classification("ab"), data(), Function(answer=scores))

    # Scores are n + 1, so 3 is reached by 2, 3, 4 and the four calibration images.
    answers = examiner.examine(Function(answer=clipped), silent).answers
    assert (answers.low, answers.high, answers.at_high, answers.items) == (0, 3, 7, 9)
    assert examiner.source(silent).answers.high == 14
    assert not answers.constant


@pytest.mark.parametrize("value", [1.0, np.nan])
def test_constant_answers_are_seen(value: float) -> None:
    def constant(batch: NDArray[Any]) -> NDArray[Any]:
        return np.full((len(batch), 2), value)

    examiner = Examiner(Classification("ab"), data(), Function(answer=scores))
    evidence = examiner.examine(Function(answer=constant), silent)

    assert evidence.answers.constant
    assert evidence.answers.not_finite == (9 if np.isnan(value) else 0)
    again = from_json(to_json(evidence))
    assert again is not None
    assert to_json(again) == to_json(evidence)
    assert again.metrics == evidence.metrics


@pytest.mark.parametrize("shape", [(1, 2), (2, 2, 1), (2,)])
def test_other_shapes_are_an_error_of_the_runtime(shape: tuple[int, ...]) -> None:
    def other(_batch: NDArray[Any]) -> NDArray[Any]:
        return np.zeros(shape)

    examiner = Examiner(Classification("ab"), data(), Function(answer=scores))
    with pytest.raises(ModelRunError, match=r"and the source with \[2, 2\]"):
        examiner.examine(Function(answer=other), silent)


@pytest.mark.parametrize("body", [{}, {"version": 0}, {"version": 1, "labels": []}])
def test_evidence_that_is_damaged_or_old_is_none(body: dict[str, Any]) -> None:
    assert from_json(body) is None


def test_images_are_read_once_while_there_is_room() -> None:
    asked: list[Path] = []

    def counting(path: Path) -> NDArray[np.float32]:
        asked.append(path)
        return read(path)

    remembered = remembering(counting, limit=8)  # two float32 numbers
    for name in ("1", "2", "3", "1", "2", "3"):
        assert remembered(Path(f"{name}.png")).tolist() == [float(name)]

    assert [path.stem for path in asked] == ["1", "2", "3", "3"]
