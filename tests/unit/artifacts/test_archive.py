"""Archives from strangers: plain files come out, everything else is refused with its name."""

import io
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from trifocal.api.condition import Reason
from trifocal.artifacts.archive import ArchiveLimits, unpack
from trifocal.artifacts.failure import RefusedError


def tar(path: Path, *members: tarfile.TarInfo, content: bytes = b"x", mode: str = "w") -> Path:
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for member in members:
            member.size = len(content) if member.isreg() else 0
            archive.addfile(member, io.BytesIO(content))
    return path


def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return info


def zipped(path: Path, name: str, content: bytes = b"x", attributes: int = 0) -> Path:
    info = zipfile.ZipInfo(name)
    info.external_attr, info.compress_type = attributes, zipfile.ZIP_DEFLATED
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(info, content)
    return path


def refusal(archive: Path, target: Path, limits: ArchiveLimits | None = None) -> str:
    target.mkdir()
    with pytest.raises(RefusedError) as error:
        unpack(archive, target, name="evaluation archive", limits=limits)
    assert error.value.reason is Reason.ARCHIVE_REFUSED
    return str(error.value)


@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_tar_is_unpacked(tmp_path: Path, mode: str) -> None:
    archive = tar(tmp_path / "a", member("d", tarfile.DIRTYPE), member("./d/f"), mode=mode)
    (tmp_path / "out").mkdir()

    unpack(archive, tmp_path / "out")

    assert (tmp_path / "out/d/f").read_bytes() == b"x"


def test_zip_is_unpacked(tmp_path: Path) -> None:
    archive = zipped(tmp_path / "a", "d/f", b"content")
    (tmp_path / "out").mkdir()

    unpack(archive, tmp_path / "out")

    assert (tmp_path / "out/d/f").read_bytes() == b"content"


@pytest.mark.parametrize("make", [lambda p, n: tar(p, member(n)), zipped])
@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("../evil", "points outside the archive"),
        ("a/../../evil", "points outside the archive"),
        ("/etc/evil", "has an absolute path"),
        ("C:/evil", "has an absolute path"),
    ],
)
def test_path_traversal_is_refused(
    tmp_path: Path, make: Callable[[Path, str], Path], name: str, why: str
) -> None:
    archive = make(tmp_path / "a", name)

    message = refusal(archive, tmp_path / "out")

    assert message == (
        f"The evaluation archive is refused: member '{name}' {why}. "
        "Pack plain files with relative names again."
    )
    assert list((tmp_path / "out").iterdir()) == []
    assert not (tmp_path / "evil").exists()


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        (tarfile.SYMTYPE, "member 'm' is a symbolic link to '/etc/passwd'"),
        (tarfile.LNKTYPE, "member 'm' is a hard link to '/etc/passwd'"),
        (tarfile.CHRTYPE, "member 'm' is a device or pipe"),
        (tarfile.FIFOTYPE, "member 'm' is a device or pipe"),
    ],
)
def test_links_and_devices_are_refused(tmp_path: Path, kind: bytes, why: str) -> None:
    archive = tar(tmp_path / "a", member("m", kind, "/etc/passwd"))

    assert why in refusal(archive, tmp_path / "out")


def test_symbolic_link_in_a_zip_is_refused(tmp_path: Path) -> None:
    archive = zipped(tmp_path / "a", "m", b"/etc/passwd", attributes=0o120777 << 16)

    assert "member 'm' is a link or device" in refusal(archive, tmp_path / "out")


def test_bomb_is_stopped_by_its_ratio(tmp_path: Path) -> None:
    archive = zipped(tmp_path / "a", "zeros", bytes(2 << 20))

    limits = ArchiveLimits(ratio_free_bytes=1 << 20)

    assert "more than 100 times its size" in refusal(archive, tmp_path / "out", limits)


def test_real_bomb_is_stopped_by_the_default_limits(tmp_path: Path) -> None:
    archive = zipped(tmp_path / "a", "zeros", bytes(66 << 20))

    assert "as bombs do" in refusal(archive, tmp_path / "out")


def test_sizes_are_counted_and_not_believed(tmp_path: Path) -> None:
    archive = tar(tmp_path / "a", member("m"), content=bytes(2000), mode="w:gz")

    assert "more than 1000 bytes" in refusal(
        archive, tmp_path / "out", ArchiveLimits(total_bytes=1000)
    )


def test_too_many_members_are_refused(tmp_path: Path) -> None:
    archive = tar(tmp_path / "a", *(member(f"f{i}") for i in range(4)))

    assert "more than 3 members" in refusal(archive, tmp_path / "out", ArchiveLimits(files=3))


def test_member_that_occurs_twice_is_refused(tmp_path: Path) -> None:
    archive = tar(tmp_path / "a", member("f"), member("./f"))

    assert "occurs twice" in refusal(archive, tmp_path / "out")


def test_file_that_is_no_archive_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"not an archive at all")

    assert "none of .tar, .tar.gz and .zip" in refusal(tmp_path / "a", tmp_path / "out")


@pytest.mark.parametrize("mode", ["w:xz", "w:bz2"])
def test_compression_that_is_not_offered_is_not_run(tmp_path: Path, mode: str) -> None:
    archive = tar(tmp_path / "a", member("f"), mode=mode)

    assert "none of .tar, .tar.gz and .zip" in refusal(archive, tmp_path / "out")


@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_archive_that_is_cut_off_is_refused(tmp_path: Path, mode: str) -> None:
    archive = tar(tmp_path / "a", member("f"), content=bytes(range(256)) * 500, mode=mode)
    whole = archive.read_bytes()
    archive.write_bytes(whole[: len(whole) // 2])

    assert "is damaged" in refusal(archive, tmp_path / "out")
