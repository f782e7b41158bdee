"""The serving pod's fetch: verified bytes in Triton's layout, or a reason."""

from pathlib import Path

import pytest

from tests.support.memory_store import MemoryStore
from trifocal.api.condition import Reason
from trifocal.artifacts.failure import RefusedError
from trifocal.artifacts.fetch import fetch_artifact, lay_out
from trifocal.artifacts.publication import describe, publish


def published(store: MemoryStore, folder: Path) -> str:
    (folder / "source").write_bytes(b"model")
    files = {"model.onnx": folder / "source"}
    return publish(store, describe(files, {}), files)


def configuration(folder: Path, **files: str) -> Path:
    folder.mkdir()
    for name, content in files.items():
        (folder / name.replace("_", ".")).write_text(content)
    return folder


def test_model_repository_is_laid_out(tmp_path: Path) -> None:
    store = MemoryStore()
    digest = published(store, tmp_path)
    config = configuration(tmp_path / "config", config_pbtxt="platform", model_py="code")

    version = lay_out("orientation", config, tmp_path / "models")
    fetch_artifact(store, digest, version)

    found = {
        str(path.relative_to(tmp_path / "models")): path.read_text()
        for path in (tmp_path / "models").rglob("*")
        if path.is_file()
    }
    assert found == {
        "orientation/config.pbtxt": "platform",
        "orientation/1/model.py": "code",
        "orientation/1/model.onnx": "model",
    }


def test_restarted_init_container_fetches_again(tmp_path: Path) -> None:
    store = MemoryStore()
    digest = published(store, tmp_path)
    config = configuration(tmp_path / "config", config_pbtxt="platform")

    for _ in range(2):
        version = lay_out("orientation", config, tmp_path / "models")
        fetch_artifact(store, digest, version)

    assert not (version / "model.py").exists()


@pytest.mark.parametrize("content", [b"modem", b"mode", b"models", b""])
def test_changed_file_is_refused_and_removed(tmp_path: Path, content: bytes) -> None:
    store = MemoryStore()
    digest = published(store, tmp_path)
    store.blobs[f"artifacts/{digest.removeprefix('sha256:')}/model.onnx"] = content

    with pytest.raises(RefusedError, match=r"File model\.onnx of artifact") as refusal:
        fetch_artifact(store, digest, tmp_path)

    assert refusal.value.reason is Reason.ARTIFACT_UNREADABLE
    assert not (tmp_path / "model.onnx").exists()


def test_deleted_artifact_is_named(tmp_path: Path) -> None:
    missing = f"sha256:{'d' * 64}"

    with pytest.raises(RefusedError, match=f"artifact {missing} is not in the store"):
        fetch_artifact(MemoryStore(), missing, tmp_path)


def test_missing_configuration_is_named(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match=r"holds no config\.pbtxt"):
        lay_out("orientation", configuration(tmp_path / "config"), tmp_path / "models")
