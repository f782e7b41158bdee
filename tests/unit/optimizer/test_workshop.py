"""Building candidates: nothing twice, nothing from a damaged entry, every failure in a sentence."""

import errno
from pathlib import Path
from typing import Any

import pytest

from tests.support.fake_backend import CopyingBackend
from tests.support.memory_store import MemoryStore
from tests.support.tiny_models import colour_classifier, request, save
from trifocal.api.condition import Reason
from trifocal.artifacts.failure import RefusedError
from trifocal.optimizer.calibration import Calibration
from trifocal.optimizer.candidate_cache import CandidateCache
from trifocal.optimizer.importing import ImportedModel
from trifocal.optimizer.recipe import Pruned, Recipe
from trifocal.optimizer.runtimes.backend import BuildError
from trifocal.optimizer.workshop import REUSED, SKETCH_IMAGES, Materials, Workshop

FP16 = Recipe(runtime="onnxruntime", precision="fp16")


def silent(_share: float, _detail: str) -> None:
    pass


def workshop(
    folder: Path, backend: CopyingBackend, store: MemoryStore, images: int = 0
) -> Workshop:
    folder.mkdir(exist_ok=True)
    (folder / "scratch").mkdir()
    model = ImportedModel(
        path=save(colour_classifier(), folder / "imported.onnx"),
        input="x",
        input_shape=(3, 8, 8),
        output="scores",
        fixed_batch=None,
    )
    calibration = Calibration(images=[Path(str(i)) for i in range(images)], read=lambda _path: 0)  # type: ignore[arg-type,return-value]  # nobody reads it here
    materials = Materials(
        request=request(folder),
        model=model,
        calibration=calibration if images else None,
        lesson=None,
    )
    return Workshop(materials, {"onnxruntime": backend}, CandidateCache(store), folder / "scratch")


def test_what_the_store_holds_is_not_built_again(tmp_path: Path) -> None:
    store = MemoryStore()
    first, second = CopyingBackend(facts={"layers": 3}), CopyingBackend()

    built = workshop(tmp_path / "one", first, store).build(FP16, silent)
    found = workshop(tmp_path / "two", second, store).build(FP16, silent)

    assert (first.built, second.built) == (["fp16"], [])
    assert REUSED not in built.facts
    assert found.facts == {"layers": 3, REUSED: True}
    assert found.notes == built.notes == ("copied.",)
    assert found.path.read_bytes() == built.path.read_bytes()


def test_candidate_of_another_release_of_the_runtime_is_built_again(tmp_path: Path) -> None:
    store = MemoryStore()
    newer = CopyingBackend(release="copier 2")

    workshop(tmp_path / "one", CopyingBackend(), store).build(FP16, silent)
    workshop(tmp_path / "two", newer, store).build(FP16, silent)

    assert newer.built == ["fp16"]


def test_damaged_entry_is_built_again_and_replaced(tmp_path: Path) -> None:
    store = MemoryStore()
    workshop(tmp_path / "one", CopyingBackend(), store).build(FP16, silent)
    file = next(path for path in store.blobs if path.endswith("model.onnx"))
    whole, store.blobs[file] = store.blobs[file], b"damaged"
    backend = CopyingBackend()

    found = workshop(tmp_path / "two", backend, store).build(FP16, silent)

    assert backend.built == ["fp16"]
    assert REUSED not in found.facts
    assert store.blobs[file] == whole


def test_sketch_is_calibrated_with_a_few_images_and_leaves_nothing_in_the_store(
    tmp_path: Path,
) -> None:
    store, backend = MemoryStore(), CopyingBackend()

    path = workshop(tmp_path, backend, store, images=50).sketch(FP16)

    assert path.is_file()
    assert store.written == []
    calibration = backend.orders[0].calibration
    assert calibration is not None
    assert len(calibration.images) == SKETCH_IMAGES


@pytest.mark.parametrize(
    "error",
    [
        BuildError("LiteRT has no GridSample; replace it"),
        RefusedError(Reason.DATASET_INVALID, "page.png is not an image."),
        MemoryError(),
        OSError(errno.ENOSPC, "No space left on device"),
        OSError(errno.EDQUOT, "Disk quota exceeded"),
    ],
)
def test_what_is_not_the_graphs_fault_passes_as_it_is(tmp_path: Path, error: Exception) -> None:
    with pytest.raises(type(error)) as raised:
        workshop(tmp_path, CopyingBackend(error=error), MemoryStore()).build(FP16, silent)

    assert raised.value is error


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (KeyError("Resize_12"), "it could not be built: KeyError 'Resize_12'"),
        (
            RuntimeError("\n bad graph\nat C++ line 7"),
            "it could not be built: RuntimeError bad graph",
        ),
        (ValueError(), "it could not be built: ValueError"),
        (OSError(errno.ENOENT, "No such file"), "it could not be built: [Errno 2] No such file"),
    ],
)
def test_what_a_converter_raises_becomes_one_sentence(
    tmp_path: Path, error: Exception, sentence: str
) -> None:
    store = MemoryStore()

    with pytest.raises(BuildError) as raised:
        workshop(tmp_path, CopyingBackend(error=error), store).build(FP16, silent)

    assert str(raised.value) == sentence
    assert store.written == []


def test_smaller_network_needs_data_to_train_on(tmp_path: Path) -> None:
    pruned = Recipe(
        runtime="onnxruntime", precision="fp32", compression=Pruned(method="structured", ratio=0.5)
    )
    made: Any = workshop(tmp_path, CopyingBackend(), MemoryStore())

    with pytest.raises(BuildError, match=r"has to be trained, and spec\.optimization\.datasets"):
        made.build(pruned, silent)
