"""`trifocal fetch`: what an init container does and says."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from trifocal.artifacts.place import Place
from trifocal.artifacts.publication import describe, publish
from trifocal.artifacts.store import open_store
from trifocal.cli.fetch import fetch


@pytest.fixture
def artifact(tmp_path: Path) -> str:
    (tmp_path / "source").write_bytes(b"model")
    (tmp_path / "config").mkdir()
    (tmp_path / "config/config.pbtxt").write_text("platform")
    files = {"model.onnx": tmp_path / "source"}
    store = open_store(Place(uri=(tmp_path / "store").as_uri()))
    return publish(store, describe(files, {}), files)


def run(folder: Path, artifact: str, **changes: str) -> Result:
    options = {
        "store": (folder / "store").as_uri(),
        "artifact": artifact,
        "name": "orientation",
        "config": str(folder / "config"),
        "models": str(folder / "models"),
        **changes,
    }
    return CliRunner().invoke(fetch, [part for k, v in options.items() for part in (f"--{k}", v)])


def test_model_repository_is_ready(tmp_path: Path, artifact: str) -> None:
    result = run(tmp_path, artifact)

    assert result.exit_code == 0, result.output
    assert result.output == f"Fetched {artifact}: 1 files, 5 bytes, all verified.\n"
    assert (tmp_path / "models/orientation/1/model.onnx").read_bytes() == b"model"


def test_changed_artifact_is_refused_with_reason_and_sentence(
    tmp_path: Path, artifact: str
) -> None:
    hexadecimal = artifact.removeprefix("sha256:")
    (tmp_path / "store/artifacts" / hexadecimal / "model.onnx").write_bytes(b"other")

    result = run(tmp_path, artifact)

    assert result.exit_code == 42
    assert result.output.startswith("ArtifactUnreadable: File model.onnx of artifact sha256:")


def test_store_on_an_unknown_scheme_is_refused(tmp_path: Path, artifact: str) -> None:
    result = run(tmp_path, artifact, store="gs://bucket/a")

    assert result.exit_code == 42
    assert "SourceRefused: gs://bucket/a has the scheme 'gs'" in result.output
