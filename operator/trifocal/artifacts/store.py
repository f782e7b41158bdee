"""The artifact store: named blobs, each of which appears whole or not at all.

`Store` is what publication and fetching need; `open_store` gives one on a folder or on S3.
"""

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Protocol, cast

from typing_extensions import override

from trifocal.api.condition import Reason
from trifocal.artifacts.failure import RefusedError
from trifocal.artifacts.filesystem import explained, open_filesystem, open_to_read
from trifocal.artifacts.place import Place

CHUNK_BYTES = 8 << 20
"""Bytes moved at once: S3's multipart minimum is 5 MiB."""


class Store(Protocol):
    """Blobs by relative path. Writing replaces; readers see the old or the new, never a part."""

    def read(self, path: str, limit: int) -> bytes | None:
        """Whole content, or None when there is none.

        Raises:
            WorkError: ArtifactUnreadable, also when it is longer than `limit` bytes.
        """

    def open(self, path: str) -> AbstractContextManager[BinaryIO]:
        """Content as a stream.

        Raises:
            WorkError: ArtifactUnreadable.
        """

    def size(self, path: str) -> int | None:
        """Bytes of the content, or None when there is none."""

    def write(self, path: str, content: bytes) -> None:
        """Put bytes.

        Raises:
            WorkError: StoreUnwritable or DiskFull.
        """

    def write_file(self, path: str, source: Path) -> None:
        """Put a local file's bytes.

        Raises:
            WorkError: StoreUnwritable or DiskFull.
        """


def open_store(place: Place) -> Store:
    """Open the store at a file:// folder or an s3:// prefix. Nothing is created before a write.

    Raises:
        WorkError: SourceRefused, CredentialsInvalid or SourceUnreachable.
    """
    filesystem = open_filesystem(place)
    return (
        FolderStore(place, filesystem) if place.scheme == "file" else ObjectStore(place, filesystem)
    )


class _FsspecStore(Store):
    """What folders and objects have in common: reading through fsspec."""

    def __init__(self, place: Place, filesystem: Any) -> None:
        self._place = place
        self._filesystem = filesystem

    def _path(self, path: str) -> str:
        return f"{self._place.path.rstrip('/')}/{path}"

    def _at(self, path: str) -> Place:
        return Place(
            uri=f"{self._place.shown.rstrip('/')}/{path}",
            credentials_dir=self._place.credentials_dir,
        )

    @override
    def size(self, path: str) -> int | None:
        with explained(self._at(path), Reason.ARTIFACT_UNREADABLE):
            try:
                return int(self._filesystem.info(self._path(path))["size"])
            except FileNotFoundError:
                return None

    @override
    def read(self, path: str, limit: int) -> bytes | None:
        size = self.size(path)
        if size is None:
            return None
        if size > limit:
            raise RefusedError(
                Reason.ARTIFACT_UNREADABLE,
                f"{self._at(path).shown} has {size} bytes, more than the {limit} expected.",
            )
        with explained(self._at(path), Reason.ARTIFACT_UNREADABLE):
            return cast("bytes", self._filesystem.cat_file(self._path(path)))

    @override
    @contextmanager
    def open(self, path: str) -> Iterator[BinaryIO]:
        with (
            explained(self._at(path), Reason.ARTIFACT_UNREADABLE),
            open_to_read(self._filesystem, self._path(path)) as stream,
        ):
            yield stream


class FolderStore(_FsspecStore):
    """A folder: a temporary name in the same folder, fsync, then rename."""

    @override
    def write(self, path: str, content: bytes) -> None:
        with self._replacing(path) as stream:
            stream.write(content)

    @override
    def write_file(self, path: str, source: Path) -> None:
        with self._replacing(path) as stream, source.open("rb") as content:
            shutil.copyfileobj(content, stream, CHUNK_BYTES)

    @contextmanager
    def _replacing(self, path: str) -> Iterator[BinaryIO]:
        final = self._path(path)
        folder, _, name = final.rpartition("/")
        partial = f"{folder}/.{name}.{uuid.uuid4().hex}.partial"
        with explained(self._place, Reason.STORE_UNWRITABLE):
            try:
                with self._filesystem.open(partial, "wb") as stream:
                    yield stream
                    stream.flush()
                    os.fsync(stream.fileno())
                self._filesystem.mv(partial, final)
            except BaseException:  # also a stop signal must leave nothing behind
                self._discard(partial)
                raise

    def _discard(self, partial: str) -> None:
        if self._filesystem.exists(partial):
            self._filesystem.rm_file(partial)


class ObjectStore(_FsspecStore):
    """S3: an object appears when its upload is complete."""

    @override
    def write(self, path: str, content: bytes) -> None:
        with explained(self._place, Reason.STORE_UNWRITABLE):
            self._filesystem.pipe_file(self._path(path), content)

    @override
    def write_file(self, path: str, source: Path) -> None:
        with explained(self._place, Reason.STORE_UNWRITABLE):
            self._filesystem.put_file(str(source), self._path(path))
