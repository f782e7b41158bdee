"""Brings one file onto this machine's disk.

Its digest and size are checked before any parser sees a byte.
"""

import hashlib
import stat
from collections.abc import Callable, Generator
from contextlib import closing
from pathlib import Path
from typing import BinaryIO

from trifocal.api.condition import Reason
from trifocal.artifacts.failure import InterruptedWorkError, RefusedError
from trifocal.artifacts.filesystem import explained, open_filesystem, open_to_read
from trifocal.artifacts.http_source import open_http
from trifocal.artifacts.place import Place

CHUNK_BYTES = 1 << 20

Report = Callable[[int], None]
"""Called with the bytes received so far."""


def _quiet(_received: int) -> None:
    pass


def download(
    place: Place, target: Path, *, digest: str | None, limit: int, report: Report = _quiet
) -> None:
    """Copy the file at a place to `target`, at most `limit` bytes, and check its digest.

    Nothing is left at `target` on any failure. Without a digest anything is accepted.

    Raises:
        RefusedError: DigestMismatch, SourceRefused, SourceUnreachable, CredentialsInvalid,
            DiskFull.
        InterruptedWorkError: SourceUnreachable.
    """
    scratch = Place(uri=target.parent.absolute().as_uri())
    try:
        with (
            closing(_chunks(place)) as chunks,
            explained(scratch, Reason.DISK_FULL),
            target.open("wb") as out,
        ):
            found = _copy(chunks, out, place, limit, report)
        _check_digest(place, found, digest)
    except BaseException:  # also a stop signal must leave nothing behind
        target.unlink(missing_ok=True)
        raise


def _copy(chunks: Generator[bytes], out: BinaryIO, place: Place, limit: int, report: Report) -> str:
    hasher = hashlib.sha256()
    received = 0
    for chunk in chunks:
        received += len(chunk)
        if received > limit:
            raise RefusedError(
                Reason.SOURCE_REFUSED,
                f"{place.shown} is larger than {limit} bytes, the most that is accepted for a "
                f"file of its kind.",
            )
        hasher.update(chunk)
        out.write(chunk)
        report(received)
    return f"sha256:{hasher.hexdigest()}"


def _check_digest(place: Place, found: str, wanted: str | None) -> None:
    if wanted is not None and found != wanted:
        raise RefusedError(
            Reason.DIGEST_MISMATCH,
            f"{place.shown} has the digest {found}, but {wanted} is wanted: the file was changed, "
            f"or the digest is another file's. Set the digest to `sha256sum` of the file that "
            f"you mean.",
        )


def _chunks(place: Place) -> Generator[bytes]:
    """The file's bytes. A generator, so that its errors are not taken for the scratch disk's."""
    return _http_chunks(place) if place.scheme.startswith("http") else _file_chunks(place)


def _http_chunks(place: Place) -> Generator[bytes]:
    received = 0
    with open_http(place) as response:
        expected = response.length
        while chunk := response.read(CHUNK_BYTES):
            received += len(chunk)
            yield chunk
    if expected is not None and received < expected:
        raise InterruptedWorkError(
            Reason.SOURCE_UNREACHABLE,
            f"{place.shown} ended after {received} of {expected} bytes; check the server.",
        )


def _file_chunks(place: Place) -> Generator[bytes]:
    with explained(place, Reason.SOURCE_UNREACHABLE):
        if place.scheme == "file":
            _require_regular_file(place)
        with open_to_read(open_filesystem(place), place.path) as stream:
            while chunk := stream.read(CHUNK_BYTES):
                yield chunk


def _require_regular_file(place: Place) -> None:
    """A pipe would block for ever, a device never end."""
    if not stat.S_ISREG(Path(place.path).stat().st_mode):
        raise RefusedError(
            Reason.SOURCE_REFUSED, f"{place.shown} is not a file; name one file, not a folder."
        )
