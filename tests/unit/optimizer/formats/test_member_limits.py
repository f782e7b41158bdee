"""Zip files: sizes before contents."""

import io
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import pytest

from trifocal.artifacts.failure import RefusedError
from trifocal.optimizer.formats.member_limits import opened_zip


def test_bomb_is_refused_by_what_it_would_unpack_to(tmp_path: Path) -> None:
    path = tmp_path / "bomb.keras"
    with ZipFile(path, "w", ZIP_DEFLATED) as archive:
        archive.writestr("zeros", bytes(1 << 20))
    content = bytearray(path.read_bytes())
    # The directory claims 3 GiB; a real bomb of that size takes seconds to make.
    at = content.rindex(b"PK\x01\x02") + 24
    content[at : at + 4] = (3 << 30).to_bytes(4, "little")
    path.write_bytes(content)

    with pytest.raises(RefusedError, match=f"unpacks to {3 << 30} bytes"), opened_zip(path, "x"):
        pass


def test_a_directory_that_lies_is_noticed_when_read(tmp_path: Path) -> None:
    path = tmp_path / "lie.keras"
    with ZipFile(path, "w", ZIP_DEFLATED) as archive:
        archive.writestr("config.json", bytes(100_000))
    content = bytearray(path.read_bytes())
    at = content.rindex(b"PK\x01\x02") + 24
    content[at : at + 4] = (10).to_bytes(4, "little")
    path.write_bytes(content)

    with pytest.raises(RefusedError, match="damaged"), opened_zip(path, "x") as archive:
        archive.read("config.json")


def test_two_members_of_one_name_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "twice.keras"
    with ZipFile(path, "w") as archive:
        archive.writestr("one", "1")
        archive.writestr("two", "2")
    path.write_bytes(path.read_bytes().replace(b"two", b"one"))

    with pytest.raises(RefusedError, match="same name"), opened_zip(path, "x"):
        pass


def test_cut_off_file_is_refused(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with ZipFile(buffer, "w") as archive:
        archive.writestr("one", "1")
    path = tmp_path / "cut.keras"
    path.write_bytes(buffer.getvalue()[:-5])

    with pytest.raises(RefusedError, match="damaged"), opened_zip(path, "x"):
        pass
