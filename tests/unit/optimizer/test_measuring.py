"""Who is timed, in which order, with which batches."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from tests.support.evidence import classified
from trifocal.optimizer.candidate_cache import Entry
from trifocal.optimizer.exploring import Bench, Exploration, Trial
from trifocal.optimizer.measuring import measure, starters
from trifocal.optimizer.preparation import Prepared
from trifocal.optimizer.recipe import Recipe

FP32 = Recipe(runtime="onnxruntime", precision="fp32")
FP16 = Recipe(runtime="onnxruntime", precision="fp16")
INT8 = Recipe(runtime="onnxruntime", precision="int8", calibration="minmax")
MIXED = Recipe(runtime="onnxruntime", precision="int8", calibration="minmax", keep_float=("conv1",))
SOURCE_EVIDENCE = classified([True])


@dataclass
class Model:
    """Moves its clock by a tenth of a second for each image."""

    name: str
    clock: "Clock"
    batches: set[int] = field(default_factory=set)

    def run(self, batch: Any) -> Any:
        self.batches.add(len(batch))
        self.clock.now += 0.1 * len(batch)
        return batch


@dataclass
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


def exploration(*trials: Trial) -> Exploration:
    return Exploration(
        runtime="onnxruntime",
        recipes=(FP32, FP16, INT8),
        trials=trials,
        forecasts={},
        unbuildable={},
    )


def trial(folder: Path, recipe: Recipe, missed: Sequence[str] = ()) -> Trial:
    path = folder / recipe.name
    path.write_bytes(recipe.name.encode())
    entry = Entry(path=path, notes=(f"note of {recipe.name}",), facts={"n": 1})
    return Trial(recipe=recipe, entry=entry, evidence=classified([True]), missed=tuple(missed))


def bench(clock: Clock) -> Bench:
    """Only loads."""
    return cast("Bench", SimpleNamespace(load=lambda path: Model(path.name, clock)))


def prepared(folder: Path) -> Prepared:
    path = folder / "model.onnx"
    path.write_bytes(b"the source")
    return cast(
        "Prepared",
        SimpleNamespace(model=SimpleNamespace(path=path), image=np.zeros((3, 2, 2), np.float32)),
    )


def test_source_starts_first_then_those_that_passed_simplest_first(tmp_path: Path) -> None:
    clock = Clock()
    tried = exploration(
        trial(tmp_path, MIXED),
        trial(tmp_path, INT8, missed=["top1 fell"]),
        trial(tmp_path, FP16),
        trial(tmp_path, FP32),
        Trial(recipe=Recipe(runtime="onnxruntime", precision="int16"), failure="no"),
    )

    field_ = starters(tried, bench(clock), Model("source", clock))

    assert list(field_.runners) == ["source", "fp32", "fp16", "int8-mixed"]
    assert list(starters(tried, bench(clock), None).runners) == ["fp32", "fp16", "int8-mixed"]


@pytest.mark.parametrize(("largest", "full"), [(4, 400.0), (1, 100.0)])
def test_everyone_is_timed_with_one_image_and_with_the_largest_batch(
    tmp_path: Path, largest: int, full: float
) -> None:
    clock, shares = Clock(), list[float]()
    source = Model("source", clock)
    field_ = starters(exploration(trial(tmp_path, FP16)), bench(clock), source)

    found = measure(field_, prepared(tmp_path), SOURCE_EVIDENCE, largest, clock, shares.append)

    assert list(found) == ["source", "fp16"]
    assert source.batches == {1, largest}
    for one in found.values():
        assert one.latency.typical == pytest.approx(100.0)
        assert one.full_batch.typical == pytest.approx(full)
    assert (found["source"].size, found["fp16"].size) == (len("the source"), len("fp16"))
    assert found["source"].evidence is SOURCE_EVIDENCE
    assert (found["fp16"].notes, found["fp16"].facts) == (("note of fp16",), {"n": 1})
    assert shares == sorted(shares)


def test_nobody_passed_and_nothing_is_timed(tmp_path: Path) -> None:
    clock = Clock()

    field_ = starters(exploration(), bench(clock), None)

    assert measure(field_, prepared(tmp_path), SOURCE_EVIDENCE, 4, clock, lambda _s: None) == {}
