"""Reads members of a zip file whose sizes are checked before anything is unpacked."""

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from trifocal.api.condition import Reason
from trifocal.artifacts.failure import RefusedError
from trifocal.optimizer.importing import MAX_MODEL_BYTES

MAX_MEMBERS = 100_000
"""A network with that many tensors would not fit 2 GiB either."""


@contextmanager
def opened_zip(path: Path, what: str) -> Iterator[zipfile.ZipFile]:
    """A zip file that unpacks to 2 GiB at most and names no member twice.

    Python stops at the size that the directory states, so that the check holds for what is read.

    Raises:
        RefusedError: ModelInvalid: too large, damaged, or encrypted.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            _check(archive, what)
            yield archive
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise refused(what, f"it is damaged ({error})") from error


def refused(what: str, why: str) -> RefusedError:
    """The refusal of a file."""
    return RefusedError(
        Reason.MODEL_INVALID, f"The source model ({what}) is refused: {why}. Save it again."
    )


def _check(archive: zipfile.ZipFile, what: str) -> None:
    members = archive.infolist()
    total = sum(member.file_size for member in members)
    if total > MAX_MODEL_BYTES:
        raise refused(what, f"it unpacks to {total} bytes, and {MAX_MODEL_BYTES} are allowed")
    if len(members) > MAX_MEMBERS:
        raise refused(what, f"it has {len(members)} members, and {MAX_MEMBERS} are allowed")
    if len({member.filename for member in members}) != len(members):
        raise refused(what, "two of its members have the same name")
    if any(member.flag_bits & 0x1 for member in members):
        raise refused(what, "it is encrypted")
