"""The store and downloads against a real S3 server."""

import hashlib
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.s3_server import S3Server, s3_server
from tests.support.tiny_models import dataset, request
from trifocal.api.condition import Reason
from trifocal.artifacts.download import download
from trifocal.artifacts.failure import InterruptedWorkError, RefusedError
from trifocal.artifacts.fetch import fetch_artifact
from trifocal.artifacts.place import Place
from trifocal.artifacts.publication import describe, publish
from trifocal.artifacts.store import open_store
from trifocal.optimizer.contract import ResolvedLocation
from trifocal.optimizer.pipeline import Workplace, optimize
from trifocal.optimizer.progress import Announcer
from trifocal.optimizer.sources import place_of

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with s3_server(tmp_path_factory.mktemp("s3")) as running:
        yield running


def place(server: S3Server, key: str, credentials: Path | None) -> Place:
    return Place(uri=f"s3://{key}", endpoint=server.url, credentials_dir=credentials)


def test_artifact_comes_back_as_it_was_published(server: S3Server, tmp_path: Path) -> None:
    """20 MB: more than one part of a multipart upload."""
    (tmp_path / "model").write_bytes(bytes(range(256)) * 80_000)
    files = {"model.onnx": tmp_path / "model"}
    store = open_store(place(server, "artifacts/team/a", server.credentials(tmp_path / "secret")))

    digest = publish(store, describe(files, {}), files)
    (tmp_path / "out").mkdir()
    fetch_artifact(store, digest, tmp_path / "out")

    assert (tmp_path / "out/model.onnx").read_bytes() == (tmp_path / "model").read_bytes()
    assert (server.folder / "artifacts/team/a/artifacts").is_dir()


def test_empty_prefix_is_an_empty_store(server: S3Server, tmp_path: Path) -> None:
    store = open_store(place(server, "artifacts/new", server.credentials(tmp_path / "secret")))

    assert store.read("recipes/none.json", 100) is None


def test_source_is_downloaded_and_verified(server: S3Server, tmp_path: Path) -> None:
    (server.folder / "models/m.onnx").write_bytes(b"model")
    source = place(server, "models/m.onnx", server.credentials(tmp_path / "secret"))
    digest = f"sha256:{hashlib.sha256(b'model').hexdigest()}"

    download(source, tmp_path / "m", digest=digest, limit=100)

    assert (tmp_path / "m").read_bytes() == b"model"


def test_wrong_key_is_refused(server: S3Server, tmp_path: Path) -> None:
    (server.folder / "models/w.onnx").write_bytes(b"model")
    credentials = server.credentials(tmp_path / "secret", secret="wrong")  # noqa: S106

    with pytest.raises(RefusedError, match="credentials of the Secret do not allow") as error:
        download(place(server, "models/w.onnx", credentials), tmp_path / "m", digest=None, limit=9)
    assert error.value.reason is Reason.CREDENTIALS_INVALID
    assert "wrong" not in str(error.value)


def test_no_secret_where_one_is_needed(server: S3Server, tmp_path: Path) -> None:
    (server.folder / "models/n.onnx").write_bytes(b"model")

    with pytest.raises(RefusedError, match="name a Secret in secretRef") as error:
        download(place(server, "models/n.onnx", None), tmp_path / "m", digest=None, limit=9)
    assert error.value.reason is Reason.CREDENTIALS_INVALID


@pytest.mark.parametrize("key", ["models/missing.onnx", "nobucket/m.onnx"])
def test_missing_object_or_bucket(server: S3Server, tmp_path: Path, key: str) -> None:
    source = place(server, key, server.credentials(tmp_path / "secret"))

    with pytest.raises(RefusedError, match="does not exist; check the URI") as error:
        download(source, tmp_path / "m", digest=None, limit=9)
    assert error.value.reason is Reason.SOURCE_UNREACHABLE


def test_store_that_may_not_be_written(server: S3Server, tmp_path: Path) -> None:
    credentials = server.credentials(tmp_path / "secret", secret="wrong")  # noqa: S106
    store = open_store(place(server, "artifacts/a", credentials))

    with pytest.raises(RefusedError, match="do not allow to write there") as error:
        store.write("recipes/a.json", b"x")
    assert error.value.reason is Reason.STORE_UNWRITABLE


def test_bucket_that_does_not_exist(server: S3Server, tmp_path: Path) -> None:
    store = open_store(place(server, "nobucket/a", server.credentials(tmp_path / "secret")))

    with pytest.raises(RefusedError, match="does not exist") as error:
        store.write("recipes/a.json", b"x")
    assert error.value.reason is Reason.STORE_UNWRITABLE


def test_server_that_is_away_is_transient(tmp_path: Path, server: S3Server) -> None:
    away = Place(
        uri="s3://models/m.onnx",
        endpoint="http://127.0.0.1:1",
        credentials_dir=server.credentials(tmp_path / "secret"),
    )

    with pytest.raises(InterruptedWorkError, match="cannot be reached") as error:
        download(away, tmp_path / "m", digest=None, limit=9)
    assert error.value.reason is Reason.SOURCE_UNREACHABLE


def test_whole_optimization_from_and_to_s3(server: S3Server, tmp_path: Path) -> None:
    secret = str(server.credentials(tmp_path / "secret"))
    wanted = request(tmp_path, precisions=("fp16",))
    evaluation = dataset(server.folder / "models/evaluation.tar")
    digest = hashlib.sha256(evaluation.read_bytes()).hexdigest()
    s3 = {"endpoint": server.url, "credentials_dir": secret}
    wanted = wanted.model_copy(
        update={
            "evaluation": ResolvedLocation(
                uri="s3://models/evaluation.tar", digest=f"sha256:{digest}", **s3
            ),
            "store": ResolvedLocation(uri="s3://artifacts/team-b", **s3),
        }
    )
    (tmp_path / "scratch").mkdir()

    result = optimize(
        wanted,
        Workplace(
            store=open_store(place_of(wanted.store)),
            scratch=tmp_path / "scratch",
            announce=Announcer(lambda _progress: None),
        ),
    )

    assert result.failure is None
    (tmp_path / "out").mkdir()
    fetch_artifact(open_store(place_of(wanted.store)), result.artifact or "", tmp_path / "out")
    assert stat.S_ISREG((tmp_path / "out/model.onnx").stat().st_mode)
