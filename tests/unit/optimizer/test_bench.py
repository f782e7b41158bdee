"""One target's bench: evidence is asked of the store first, and the gate is asked last."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.evidence import agreed, classified
from tests.support.fake_backend import CopyingBackend, TickingClock
from tests.support.memory_store import MemoryStore
from tests.support.tiny_models import request
from trifocal.optimizer.bench import Studio, TargetBench
from trifocal.optimizer.candidate_cache import CandidateCache
from trifocal.optimizer.evaluation import Examiner
from trifocal.optimizer.exploring import Trial
from trifocal.optimizer.forecasting import Stopwatch
from trifocal.optimizer.preparation import prepare
from trifocal.optimizer.recipe import Recipe
from trifocal.optimizer.runtimes.backend import ModelRunError
from trifocal.optimizer.search.forecast import Forecast
from trifocal.optimizer.sources import fetch_sources
from trifocal.optimizer.workshop import Materials, Workshop

FP32 = Recipe(runtime="onnxruntime", precision="fp32")


def silent(_share: float, _detail: str = "") -> None:
    pass


def bench(folder: Path, store: MemoryStore, backend: CopyingBackend, **changes: Any) -> TargetBench:
    folder.mkdir()
    scratch = folder / "scratch"
    scratch.mkdir()
    wanted = request(folder, precisions=("fp32",), **changes)
    prepared = prepare(wanted, fetch_sources(wanted, scratch, silent), scratch)
    materials = Materials(request=wanted, model=prepared.model, calibration=None, lesson=None)
    cache = CandidateCache(store)
    examiner = Examiner(prepared.task, prepared.data, prepared.runner)
    (scratch / "candidates").mkdir()
    studio = Studio(
        request=wanted,
        model=prepared.model,
        workshop=Workshop(materials, {"onnxruntime": backend}, cache, scratch / "candidates"),
        backends={"onnxruntime": backend},
        examiner=examiner,
        cache=cache,
        source=examiner.source(silent),
        stopwatch=Stopwatch(
            source=prepared.runner, image=prepared.image, max_batch=4, clock=TickingClock()
        ),
        source_forecast=Forecast(milliseconds=50.0, milliseconds_per_image=12.5, size=1000),
    )
    return TargetBench(studio, "onnxruntime")


def marked(store: MemoryStore) -> None:
    """Replace what was found by something that only the store can say."""
    for path in store.blobs:
        if path.endswith("/evidence.json"):
            store.blobs[path] = store.blobs[path].replace(b'"share": 1.0', b'"share": 0.125')


def test_evidence_is_kept_and_found_whatever_the_gate(tmp_path: Path) -> None:
    store = MemoryStore()
    first = bench(tmp_path / "one", store, CopyingBackend())
    fresh = first.examine(FP32, first.build(FP32, silent).path)
    marked(store)
    second = bench(tmp_path / "two", store, CopyingBackend(), gate={"accuracy": {"maxDrop": 0.5}})

    found = second.examine(FP32, second.build(FP32, silent).path)

    assert {row.share for row in fresh.agreement} == {1.0}
    assert {row.share for row in found.agreement} == {0.125}


def test_damaged_evidence_is_collected_again(tmp_path: Path) -> None:
    store = MemoryStore()
    made = bench(tmp_path / "one", store, CopyingBackend())
    path = made.build(FP32, silent).path
    made.examine(FP32, path)
    (kept,) = (name for name in store.blobs if name.endswith("/evidence.json"))
    whole, store.blobs[kept] = store.blobs[kept], b'{"version": 1}'

    made.examine(FP32, path)

    assert store.blobs[kept] == whole


def test_what_was_judged_elsewhere_must_run_here_all_the_same(tmp_path: Path) -> None:
    store = MemoryStore()
    first = bench(tmp_path / "one", store, CopyingBackend())
    path = first.build(FP32, silent).path
    first.examine(FP32, path)
    second = bench(tmp_path / "two", store, CopyingBackend(refused=True))

    with pytest.raises(ModelRunError, match="no kernel"):
        second.examine(FP32, path)


def test_gate_judges_evidence_and_size(tmp_path: Path) -> None:
    made = bench(tmp_path / "one", MemoryStore(), CopyingBackend(), gate={"maxSize": "1k"})
    labels = ("red", "green", "blue")
    wrong = classified([False] * 18, labels=labels, agreement=[agreed(0.0, 18)])

    missed = made.missed(wrong, 2000)

    assert any(reason.startswith("top1 0.0000 is") for reason in missed)
    assert missed[-1].endswith("the gate allows 1k")


def test_forecast_is_in_the_sources_time(tmp_path: Path) -> None:
    """Every run takes one tick of the clock, so that a sketch is as fast as the source."""
    made = bench(tmp_path / "one", MemoryStore(), CopyingBackend())

    found = made.forecast(FP32)

    assert found.milliseconds == pytest.approx(50.0)
    assert found.milliseconds_per_image == pytest.approx(12.5)
    assert found.size == (tmp_path / "one/model.onnx").stat().st_size


def test_without_int8_there_is_nothing_to_mend(tmp_path: Path) -> None:
    made = bench(tmp_path / "one", MemoryStore(), CopyingBackend())

    assert made.mend(Trial(recipe=FP32, missed=("top1 fell",))) is None
