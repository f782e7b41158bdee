"""A smaller network is trained once, whatever is built from it."""

import warnings
from pathlib import Path

import pytest

from tests.support.fake_backend import CopyingBackend
from tests.support.memory_store import MemoryStore
from tests.support.tiny_models import colour_classifier, dataset, located, request
from trifocal.api.techniques import FineTuning, Pruning
from trifocal.optimizer.candidate_cache import CandidateCache
from trifocal.optimizer.preparation import prepare
from trifocal.optimizer.recipe import Pruned, Recipe
from trifocal.optimizer.sources import fetch_sources
from trifocal.optimizer.workshop import Materials, Workshop

pytestmark = pytest.mark.integration
HALF = Pruned(method="structured", ratio=0.5)
FP32 = Recipe(runtime="onnxruntime", precision="fp32", compression=HALF)
FP16 = Recipe(runtime="onnxruntime", precision="fp16", compression=HALF)


@pytest.fixture(scope="module", autouse=True)
def _imports() -> None:
    """Libraries whose import warns of what only their developers can change."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import torch_pruning  # noqa: F401, PLC0415 - heavy


def workshop(folder: Path, backend: CopyingBackend, store: MemoryStore) -> Workshop:
    folder.mkdir()
    scratch = folder / "scratch"
    (scratch / "candidates").mkdir(parents=True)
    wanted = request(
        folder,
        colour_classifier(copies=8),
        training=located(dataset(folder / "training.tar", first_seed=2000)),
        pruning=(Pruning(ratio=0.5),),
        fine_tuning=FineTuning(epochs=1),
    )
    fetched = fetch_sources(wanted, scratch, lambda _share, _detail: None)
    prepared = prepare(wanted, fetched, scratch)
    materials = Materials(
        request=wanted, model=prepared.model, calibration=None, lesson=prepared.lesson
    )
    return Workshop(
        materials, {"onnxruntime": backend}, CandidateCache(store), scratch / "candidates"
    )


def test_network_is_trained_once_for_two_precisions_and_for_later_runs(tmp_path: Path) -> None:
    store, told = MemoryStore(), list[str]()
    backend, newer = CopyingBackend(), CopyingBackend(release="copier 2")
    made = workshop(tmp_path / "one", backend, store)

    first = made.build(FP32, lambda _share, detail: told.append(detail))
    trained = len(told)
    made.build(FP16, lambda _share, detail: told.append(detail))
    later = workshop(tmp_path / "two", newer, store)
    again = later.build(FP32, lambda _share, detail: told.append(detail))

    assert trained > 0
    assert len(told) == trained
    assert backend.orders[0].model.path == backend.orders[1].model.path
    assert newer.built == [FP32.name]
    assert again.path.read_bytes() == first.path.read_bytes()
    assert again.notes == first.notes
    assert any(note.startswith("Trained for 1 epochs") for note in first.notes)
    effect = first.facts["effect"]
    assert effect["parameters_after"] < effect["parameters_before"]


def test_sketch_of_a_smaller_network_is_not_trained(tmp_path: Path) -> None:
    store, backend = MemoryStore(), CopyingBackend()
    made = workshop(tmp_path / "one", backend, store)

    made.sketch(FP32)
    made.sketch(FP16)

    assert store.written == []
    assert backend.orders[0].model.path == backend.orders[1].model.path
    assert backend.orders[0].model.path != made.materials.model.path
