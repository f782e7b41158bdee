"""One model for a data centre and for two kinds of device, and a gate that changes its mind."""

import json
import warnings
from pathlib import Path

import pytest

from tests.support.memory_store import MemoryStore
from tests.support.tiny_models import colour_classifier, dataset, located, request
from trifocal.api.gate import Gate
from trifocal.api.target import Target
from trifocal.api.techniques import FineTuning, Pruning
from trifocal.artifacts.fetch import fetch_artifact
from trifocal.optimizer.contract import OptimizationRequest, OptimizationResult
from trifocal.optimizer.pipeline import Workplace, optimize
from trifocal.optimizer.progress import Announcer

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]
FILES = {"onnxruntime": "model.onnx", "litert": "model.tflite", "executorch": "model.pte"}


def wanted(folder: Path, gate: Gate) -> OptimizationRequest:
    return request(
        folder,
        colour_classifier(copies=64),
        targets=tuple(Target(runtime=runtime) for runtime in FILES),
        training=located(dataset(folder / "training.tar", first_seed=2000, per_class=16)),
        search="auto",
        precisions=("fp32", "int8"),
        pruning=(Pruning(ratio=0.5),),
        fine_tuning=FineTuning(epochs=2),
        prefer="size",
        gate=gate,
    )


def run(folder: Path, store: MemoryStore, gate: Gate) -> OptimizationResult:
    folder.mkdir()
    (folder / "scratch").mkdir()
    place = Workplace(
        store=store, scratch=folder / "scratch", announce=Announcer(lambda _progress: None)
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # frameworks speak to their own developers
        return optimize(wanted(folder, gate), place)


def built(store: MemoryStore) -> list[str]:
    return [path for path in store.written if path.endswith("/entry.json")]


def test_one_request_feeds_server_and_devices_and_another_gate_builds_nothing(
    tmp_path: Path,
) -> None:
    store = MemoryStore()

    result = run(tmp_path / "one", store, Gate())

    assert result.failure is None, result.failure
    assert [edge.runtime for edge in result.edges] == ["litert", "executorch"]
    artifacts = [result.artifact, *(edge.artifact for edge in result.edges)]
    for runtime, artifact in zip(FILES, artifacts, strict=True):
        (tmp_path / runtime).mkdir()
        manifest = fetch_artifact(store, artifact or "", tmp_path / runtime)
        assert (tmp_path / runtime / FILES[runtime]).stat().st_size
        assert manifest.metadata["runtime"] == runtime
        batch = -1 if runtime == "onnxruntime" else 1
        assert manifest.metadata["inputs"][0]["shape"] == [batch, 3, 8, 8]
    assert [edge.parity for edge in result.edges] == [1.0, 1.0]
    assert [edge.accuracy for edge in result.edges] == [1.0, 1.0]
    report = json.loads(store.blobs[f"reports/{result.request.removeprefix('sha256:')}.json"])
    assert [search["target"] for search in report["search"]] == list(FILES)
    tried = [name for search in report["search"] for name in search["tried"]]
    assert any(name.startswith("pruned50") for name in tried), tried

    before = len(built(store))
    assert before == len(set(built(store)))
    stricter = run(tmp_path / "two", store, Gate(max_size="1Gi"))

    assert stricter.request != result.request
    assert len(built(store)) == before
    assert stricter.artifact == result.artifact
    assert [edge.artifact for edge in stricter.edges] == [edge.artifact for edge in result.edges]
    assert any("had been built before" in note for note in stricter.notes)
