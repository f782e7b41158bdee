"""Unpacks .tar, .tar.gz and .zip archives that nobody trusts.

Only plain files and folders come out, only below the target folder, and never more than the
limits. Members are copied by hand rather than by `extractall`: sizes in a header are claims, so
the bytes that really come out are counted.
"""

import tarfile
import zipfile
import zlib
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal, NoReturn, cast

from trifocal.api.condition import Reason
from trifocal.artifacts.failure import RefusedError
from trifocal.artifacts.filesystem import explained
from trifocal.artifacts.place import Place

CHUNK_BYTES = 1 << 20
_GZIP = b"\x1f\x8b"
_UNIX_MODE_SHIFT = 16
_UNIX_TYPE_MASK = 0o170000
_UNIX_REGULAR = (0, 0o100000)
"""Zip entries made on Windows carry no Unix type."""


@dataclass(frozen=True, kw_only=True)
class ArchiveLimits:
    """What an archive may unpack to."""

    files: int = 200_000
    """Members: ImageNet's validation set four times."""
    total_bytes: int = 64 << 30
    ratio: int = 100
    """Unpacked bytes per packed byte. Photographs compress to no less than 1:20 even as bitmaps;
    bombs reach 1000."""
    ratio_free_bytes: int = 64 << 20
    """Below this size no ratio is suspicious: drawings and blank pages compress well."""


@dataclass(frozen=True)
class _Entry:
    name: str
    stream: BinaryIO | None


def unpack(
    archive: Path, target: Path, *, name: str = "archive", limits: ArchiveLimits | None = None
) -> None:
    """Unpack a checked archive into an existing, empty folder. `name` is for messages.

    Raises:
        RefusedError: ArchiveRefused, with the member and why; DiskFull.
    """
    budget = _Budget(limits or ArchiveLimits(), archive.stat().st_size)
    with _refusals(name), _members(archive) as members:
        for entry in members:
            budget.count_file()
            path = _safe_path(target, entry.name)
            with explained(Place(uri=target.absolute().as_uri()), Reason.DISK_FULL):
                _write(entry, path, budget)


class _Budget:
    """Counts what comes out."""

    def __init__(self, limits: ArchiveLimits, packed: int) -> None:
        self._limits = limits
        self._packed = max(packed, 1)
        self._files = 0
        self._bytes = 0

    def count_file(self) -> None:
        self._files += 1
        if self._files > self._limits.files:
            _refuse(f"it holds more than {self._limits.files} members")

    def count_bytes(self, count: int) -> None:
        self._bytes += count
        if self._bytes > self._limits.total_bytes:
            _refuse(f"it unpacks to more than {self._limits.total_bytes} bytes")
        expanded = self._bytes > self._limits.ratio * self._packed
        if expanded and self._bytes > self._limits.ratio_free_bytes:
            _refuse(f"it unpacks to more than {self._limits.ratio} times its size, as bombs do")


class _RefusalError(Exception):
    """Why an archive is not unpacked."""


def _refuse(why: str) -> NoReturn:
    raise _RefusalError(why)


@contextmanager
def _refusals(name: str) -> Iterator[None]:
    try:
        yield
    except _RefusalError as error:
        raise RefusedError(
            Reason.ARCHIVE_REFUSED,
            f"The {name} is refused: {error}. Pack plain files with relative names again.",
        ) from error
    except (tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, ValueError) as error:
        raise RefusedError(
            Reason.ARCHIVE_REFUSED,
            f"The {name} is damaged or none of .tar, .tar.gz and .zip ({error}); pack it again.",
        ) from error
    except (NotImplementedError, RuntimeError) as error:  # zipfile: method unknown, or encrypted
        raise RefusedError(
            Reason.ARCHIVE_REFUSED,
            f"The {name} uses what is not supported ({error}); pack it without encryption and "
            f"with deflate.",
        ) from error


@contextmanager
def _members(archive: Path) -> Iterator[Iterator[_Entry]]:
    if zipfile.is_zipfile(archive):
        # Closed at once when a member is refused: it holds an open member.
        with zipfile.ZipFile(archive) as packed, closing(_zip_members(packed)) as members:
            yield members
    else:
        # Streamed: one pass, nothing is read twice.
        with tarfile.open(archive, mode=_tar_mode(archive)) as packed_tar:
            yield _tar_members(packed_tar)


def _tar_mode(archive: Path) -> Literal["r|", "r|gz"]:
    """Only plain and gzip: "r|*" would also run xz, whose dictionaries may take gigabytes."""
    with archive.open("rb") as stream:
        return "r|gz" if stream.read(len(_GZIP)) == _GZIP else "r|"


def _tar_members(packed: tarfile.TarFile) -> Iterator[_Entry]:
    for member in packed:
        if member.isdir():
            yield _Entry(member.name, None)
            continue
        if member.issym() or member.islnk():
            kind = "symbolic link" if member.issym() else "hard link"
            _refuse(f"member '{member.name}' is a {kind} to '{member.linkname}'")
        if not member.isreg():
            _refuse(f"member '{member.name}' is a device or pipe")
        if member.issparse():
            _refuse(f"member '{member.name}' is a sparse file")
        yield _Entry(member.name, cast("BinaryIO", packed.extractfile(member)))


def _zip_members(packed: zipfile.ZipFile) -> Generator[_Entry]:
    for member in packed.infolist():
        if member.is_dir():
            yield _Entry(member.filename, None)
            continue
        kind = (member.external_attr >> _UNIX_MODE_SHIFT) & _UNIX_TYPE_MASK
        if kind not in _UNIX_REGULAR:
            _refuse(f"member '{member.filename}' is a link or device")
        with packed.open(member) as stream:
            yield _Entry(member.filename, cast("BinaryIO", stream))


def _safe_path(target: Path, name: str) -> Path:
    parts = [part for part in name.split("/") if part not in {"", "."}]
    if name.startswith("/") or "\\" in name or ":" in name.partition("/")[0]:
        _refuse(f"member '{name}' has an absolute path")
    if ".." in parts:
        _refuse(f"member '{name}' points outside the archive")
    return target.joinpath(*parts)


def _write(entry: _Entry, path: Path, budget: _Budget) -> None:
    if entry.stream is None:
        path.mkdir(parents=True, exist_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with path.open("xb") as out:
            while chunk := entry.stream.read(CHUNK_BYTES):
                budget.count_bytes(len(chunk))
                out.write(chunk)
    except FileExistsError:
        _refuse(f"member '{entry.name}' occurs twice")
