"""The folder store: whole files or none, and errors that say what to do."""

import errno
from pathlib import Path
from typing import Any, NoReturn

import pytest

from trifocal.api.condition import Reason
from trifocal.artifacts.failure import RefusedError, WorkError
from trifocal.artifacts.place import Place
from trifocal.artifacts.store import FolderStore, open_store


class BrokenFilesystem:
    """An fsspec file system whose volume fails in one way."""

    def __init__(self, number: int) -> None:
        self._number = number

    def open(self, path: str, _mode: str) -> NoReturn:
        raise OSError(self._number, errno.errorcode[self._number], path)

    def exists(self, _path: str) -> bool:
        return False


def failure(number: int) -> WorkError:
    store = FolderStore(Place(uri="file:///store"), BrokenFilesystem(number))
    with pytest.raises(WorkError) as error:
        store.write("recipes/a.json", b"x")
    return error.value


def test_written_bytes_are_read_back(tmp_path: Path) -> None:
    store = open_store(Place(uri=(tmp_path / "new").as_uri()))

    store.write("a/b", b"content")

    assert store.read("a/b", 100) == b"content"
    assert store.size("a/b") == 7
    with store.open("a/b") as stream:
        assert stream.read() == b"content"


def test_store_that_does_not_exist_yet_is_empty(tmp_path: Path) -> None:
    store = open_store(Place(uri=(tmp_path / "new").as_uri()))

    assert store.read("recipes/a.json", 100) is None
    assert store.size("recipes/a.json") is None
    assert list(tmp_path.iterdir()) == []


def test_writing_replaces(tmp_path: Path) -> None:
    store = open_store(Place(uri=tmp_path.as_uri()))
    store.write("a", b"old")

    store.write("a", b"new")

    assert (tmp_path / "a").read_bytes() == b"new"


def test_file_that_cannot_be_read_whole_leaves_no_trace(tmp_path: Path) -> None:
    store = open_store(Place(uri=tmp_path.as_uri()))

    with pytest.raises(WorkError):
        store.write_file("a", tmp_path / "missing")

    assert list(tmp_path.iterdir()) == []


def test_longer_content_than_expected_is_not_read(tmp_path: Path) -> None:
    store = open_store(Place(uri=tmp_path.as_uri()))
    store.write("a", b"four")

    with pytest.raises(RefusedError, match="has 4 bytes, more than the 3 expected"):
        store.read("a", 3)


@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES])
def test_read_only_store_says_for_whom_to_make_it_writable(number: int) -> None:
    error = failure(number)

    assert error.reason is Reason.STORE_UNWRITABLE
    assert isinstance(error, RefusedError)
    assert "make the volume readable, and writable" in str(error)


def test_full_volume_is_disk_full() -> None:
    error = failure(errno.ENOSPC)

    assert error.reason is Reason.DISK_FULL
    assert str(error).startswith("No space is left on the volume of file:///store;")


def test_input_output_error_is_transient() -> None:
    error = failure(errno.EIO)

    assert not isinstance(error, RefusedError)
    assert error.reason is Reason.STORE_UNWRITABLE


def test_store_below_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    store = open_store(Place(uri=(tmp_path / "file").as_uri()))

    with pytest.raises(RefusedError) as error:
        store.write("a", b"x")
    assert error.value.reason is Reason.STORE_UNWRITABLE


def test_artifacts_cannot_be_kept_on_a_web_server() -> None:
    with pytest.raises(RefusedError, match="use file:// or s3://"):
        open_store(Place(uri="https://example.org/artifacts"))


@pytest.mark.parametrize("missing", ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"])
def test_secret_without_a_key_is_named(tmp_path: Path, missing: str) -> None:
    for key in {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"} - {missing}:
        (tmp_path / key).write_text("value")

    with pytest.raises(RefusedError, match=f"has no key {missing}; add it") as error:
        open_store(Place(uri="s3://bucket/a", credentials_dir=tmp_path))
    assert error.value.reason is Reason.CREDENTIALS_INVALID


def test_endpoint_on_a_metadata_address_is_refused() -> None:
    place: dict[str, Any] = {"uri": "s3://bucket/a", "endpoint": "http://169.254.169.254"}

    with pytest.raises(RefusedError, match="link-local or metadata address"):
        open_store(Place(**place))
