"""What is published: names inside artifacts, their metadata, and how alike devices answer."""

from pathlib import Path

import numpy as np
import pytest

from tests.support.fake_backend import CopyingBackend, TickingClock
from tests.support.measurements import measured
from tests.support.memory_store import MemoryStore
from tests.support.tiny_models import LABELS, colour_classifier, request, save
from trifocal.api.target import Runtime
from trifocal.artifacts.fetch import fetch_artifact
from trifocal.optimizer.contract import OptimizationRequest
from trifocal.optimizer.finishing import (
    FILES,
    Winner,
    publish_edge,
    publish_served,
    serving_facts,
    winner_of,
)
from trifocal.optimizer.measured import Measured
from trifocal.optimizer.preparation import Prepared, prepare
from trifocal.optimizer.progress import Announcer
from trifocal.optimizer.sources import fetch_sources


@pytest.fixture(name="wanted")
def _wanted(tmp_path: Path) -> OptimizationRequest:
    return request(tmp_path, precisions=("fp32",))


@pytest.fixture(name="prepared")
def _prepared(tmp_path: Path, wanted: OptimizationRequest) -> Prepared:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    return prepare(wanted, fetch_sources(wanted, scratch, lambda _share, _detail: None), scratch)


def won(
    prepared: Prepared, runtime: Runtime, path: Path, release: str = "copier 1", **facts: object
) -> Winner:
    """The file as a winner of a runtime that in truth is ONNX Runtime."""
    figures = vars(measured("fp32", top1=0.9))
    one = Measured(**{**figures, "path": path, "size": path.stat().st_size, "facts": facts})
    return winner_of(runtime, one, CopyingBackend(release=release), prepared, threads=1)


@pytest.mark.parametrize("runtime", ["onnxruntime", "tensorrt", "litert", "executorch"])
def test_file_has_the_name_that_its_runtime_looks_for_and_says_how_it_is_used(
    tmp_path: Path, wanted: OptimizationRequest, prepared: Prepared, runtime: Runtime
) -> None:
    store = MemoryStore()
    digest = publish_served(wanted, store, prepared, won(prepared, runtime, prepared.model.path))
    (tmp_path / "out").mkdir()

    manifest = fetch_artifact(store, digest, tmp_path / "out")

    assert (tmp_path / "out" / FILES[runtime]).read_bytes() == prepared.model.path.read_bytes()
    batch = 1 if runtime in {"litert", "executorch"} else -1
    assert manifest.metadata == {
        "candidate": "fp32",
        "runtime": runtime,
        "madeWith": "copier 1",
        "source": wanted.source.digest,
        "inputs": [{"name": "x", "dtype": "float32", "shape": [batch, 3, 8, 8]}],
        "outputs": [{"name": "scores", "dtype": "float32", "shape": [batch, 3]}],
        "labels": list(LABELS),
        "preprocessing": wanted.model.preprocessing.model_dump(mode="json", by_alias=True),
    }


def test_equal_bytes_have_equal_addresses_and_other_makers_have_others(
    wanted: OptimizationRequest, prepared: Prepared
) -> None:
    path = prepared.model.path
    first = publish_served(wanted, MemoryStore(), prepared, won(prepared, "onnxruntime", path))
    again = publish_served(
        wanted, MemoryStore(), prepared, won(prepared, "onnxruntime", path, reused=True)
    )
    newer = won(prepared, "onnxruntime", path, release="copier 2")

    assert again == first
    assert publish_served(wanted, MemoryStore(), prepared, newer) != first


def test_device_that_calls_every_image_red_agrees_on_a_third(
    tmp_path: Path, wanted: OptimizationRequest, prepared: Prepared
) -> None:
    always_red = colour_classifier()
    linear = np.zeros((3, 3), np.float32)
    linear[:, 0] = 1
    always_red.graph.initializer[1].raw_data = linear.tobytes()
    path = save(always_red, tmp_path / "red.tflite")
    store = MemoryStore()
    served = won(prepared, "onnxruntime", prepared.model.path)

    edge = publish_edge(wanted, store, prepared, won(prepared, "litert", path), served)
    same = publish_edge(
        wanted, store, prepared, won(prepared, "executorch", prepared.model.path), served
    )

    assert edge.parity == pytest.approx(1 / 3, abs=1e-6)
    assert same.parity == 1.0
    assert (edge.runtime, edge.candidate, edge.accuracy) == ("litert", "fp32", 0.9)
    assert edge.size_bytes == path.stat().st_size
    (tmp_path / "out").mkdir()
    assert fetch_artifact(store, edge.artifact, tmp_path / "out").metadata["parity"] == {
        "candidate": "fp32",
        "runtime": "onnxruntime",
        "share": edge.parity,
    }


def test_serving_learns_capacity_answers_and_no_engine(
    wanted: OptimizationRequest, prepared: Prepared
) -> None:
    seen: list[int] = []
    winner = won(prepared, "onnxruntime", prepared.model.path)

    facts = serving_facts(
        wanted,
        prepared,
        winner,
        TickingClock(),
        Announcer(lambda progress: seen.append(progress.percent)),
    )

    assert [point.batch for point in facts.capacity] == [1, 2, 4]
    assert {point.p50_milliseconds for point in facts.capacity} == {50.0}
    assert facts.smoke is not None
    assert (facts.chosen, facts.engine, facts.artifact) == ("fp32", None, None)
    assert seen == sorted(seen)
