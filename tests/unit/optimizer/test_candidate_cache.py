"""What earlier optimizations left: found whole, or not at all."""

from pathlib import Path

import pytest

from tests.support.memory_store import MemoryStore
from trifocal.optimizer.candidate_cache import CandidateCache, Entry

KEY = "ab" * 32


def kept(folder: Path, store: MemoryStore) -> Entry:
    built = folder / "built.tflite"
    built.write_bytes(b"weights")
    entry = Entry(path=built, notes=("kept in float: conv1",), facts={"share": 0.5})
    CandidateCache(store).keep(KEY, entry)
    return entry


def test_what_was_kept_is_found_with_its_notes(tmp_path: Path) -> None:
    store = MemoryStore()
    entry = kept(tmp_path, store)

    found = CandidateCache(store).find(KEY, tmp_path / "found.tflite")

    assert found is not None
    assert found.path.read_bytes() == b"weights"
    assert (found.notes, found.facts) == (entry.notes, entry.facts)
    assert list(store.blobs) == [f"candidates/{KEY}/model.tflite", f"candidates/{KEY}/entry.json"]


def test_nothing_was_kept(tmp_path: Path) -> None:
    assert CandidateCache(MemoryStore()).find(KEY, tmp_path / "found") is None
    assert CandidateCache(MemoryStore()).evidence(KEY) is None


@pytest.mark.parametrize(
    ("blob", "content"),
    [
        ("model.tflite", b"other weights"),
        ("entry.json", b"{}"),
        ("entry.json", b"not JSON"),
        ("entry.json", b"[1]"),
    ],
)
def test_damaged_entry_is_a_miss_and_leaves_no_file(
    tmp_path: Path, blob: str, content: bytes
) -> None:
    store = MemoryStore()
    kept(tmp_path, store)
    store.blobs[f"candidates/{KEY}/{blob}"] = content

    assert CandidateCache(store).find(KEY, tmp_path / "found.tflite") is None
    assert not (tmp_path / "found.tflite").exists()


def test_file_whose_writer_died_before_the_entry_is_a_miss(tmp_path: Path) -> None:
    store = MemoryStore()
    kept(tmp_path, store)
    del store.blobs[f"candidates/{KEY}/entry.json"]

    assert CandidateCache(store).find(KEY, tmp_path / "found.tflite") is None


def test_evidence_is_remembered() -> None:
    store = MemoryStore()
    CandidateCache(store).keep_evidence(KEY, {"items": 400})

    assert CandidateCache(store).evidence(KEY) == {"items": 400}
