"""Publishing: a crash at any write loses nothing, and the same request never works twice."""

from pathlib import Path

import pytest

from tests.support.memory_store import KilledError, MemoryStore
from trifocal.artifacts.manifest import Manifest
from trifocal.artifacts.publication import begin, describe, exists, publish, recall, record

REQUEST = f"sha256:{'b' * 64}"
WRITES = 5
"""begin's report, one file, the manifest, the report, the recipe."""


def whole_run(store: MemoryStore, folder: Path) -> str:
    (folder / "model.onnx").write_bytes(b"model")
    files = {"model.onnx": folder / "model.onnx"}
    manifest = describe(files, {"candidate": "fp16"})
    begin(store, REQUEST)
    digest = publish(store, manifest, files)
    record(store, REQUEST, {"artifact": digest}, b"{}")
    return digest


def test_manifest_and_recipe_are_the_last_of_their_kind(tmp_path: Path) -> None:
    store = MemoryStore()

    digest = whole_run(store, tmp_path)

    folder = f"artifacts/{digest.removeprefix('sha256:')}"
    assert store.written == [
        f"reports/{'b' * 64}.json",
        f"{folder}/model.onnx",
        f"{folder}/manifest.json",
        f"reports/{'b' * 64}.json",
        f"recipes/{'b' * 64}.json",
    ]


@pytest.mark.parametrize("survived", range(WRITES))
def test_killed_at_any_write_then_run_again(tmp_path: Path, survived: int) -> None:
    store = MemoryStore(writes_left=survived)
    with pytest.raises(KilledError):
        whole_run(store, tmp_path)
    assert recall(store, REQUEST) is None

    store.writes_left = None
    digest = whole_run(store, tmp_path)

    clean = MemoryStore()
    whole_run(clean, tmp_path)
    assert store.blobs == clean.blobs
    assert recall(store, REQUEST) == {"artifact": digest}


def test_publishing_again_writes_nothing(tmp_path: Path) -> None:
    store = MemoryStore()
    (tmp_path / "m").write_bytes(b"model")
    manifest = describe({"m": tmp_path / "m"}, {})
    publish(store, manifest, {"m": tmp_path / "m"})

    publish(store, manifest, {"m": tmp_path / "m"})

    assert len(store.written) == 2


def test_run_beside_another_ends_with_the_same_artifact(tmp_path: Path) -> None:
    """The other one publishes everything between this one's first and second write."""
    alone = MemoryStore()
    expected = whole_run(alone, tmp_path)
    store = MemoryStore()
    begin(store, REQUEST)
    whole_run(store, tmp_path)

    assert whole_run(store, tmp_path) == expected
    assert store.blobs == alone.blobs


@pytest.mark.parametrize("damage", [None, b"", b"short"])
def test_damaged_artifact_is_made_again(tmp_path: Path, damage: bytes | None) -> None:
    store = MemoryStore()
    digest = whole_run(store, tmp_path)
    path = f"artifacts/{digest.removeprefix('sha256:')}/model.onnx"
    if damage is None:
        del store.blobs[path]
    else:
        store.blobs[path] = damage[:3]

    assert recall(store, REQUEST) is None
    whole_run(store, tmp_path)
    assert store.blobs[path] == b"model"


@pytest.mark.parametrize("recipe", [b"", b"{", b"[]", b"{}", b'{"artifact": 3}'])
def test_damaged_recipe_counts_as_none(recipe: bytes) -> None:
    store = MemoryStore()
    store.blobs[f"recipes/{'b' * 64}.json"] = recipe

    assert recall(store, REQUEST) is None


def test_artifact_without_a_manifest_does_not_exist() -> None:
    manifest = Manifest.model_validate(
        {"files": [{"path": "m", "size": 1, "sha256": f"sha256:{'c' * 64}"}]}
    )
    store = MemoryStore()
    store.blobs[f"artifacts/{manifest.digest.removeprefix('sha256:')}/m"] = b"1"

    assert not exists(store, manifest.digest)
