"""A timing cache is used where it fits and is otherwise as good as none."""

from dataclasses import replace
from pathlib import Path

from tests.unit.optimizer.runtimes.tensorrt.fake_tensorrt import Cache, Config
from trifocal.optimizer.runtimes.tensorrt.place import Place
from trifocal.optimizer.runtimes.tensorrt.timing_cache import TimingCache

PLACE = Place(library="tensorrt", version="11.2.1.2", platform="linux-x86_64", device=None)


def keep(folder: Path, content: bytes, place: Place = PLACE) -> None:
    config = Config(lambda _content: True)
    config.cache = Cache(content)
    TimingCache(folder, place).keep(config)


def given(folder: Path, fits: bool, place: Place = PLACE) -> bytes:
    config = Config(lambda content: fits or content == b"")
    TimingCache(folder, place).give(config)
    assert config.cache is not None
    return config.cache.content


def test_what_was_measured_is_given_to_the_next_build(tmp_path: Path) -> None:
    assert given(tmp_path, fits=True) == b""
    keep(tmp_path, b"measured")
    assert given(tmp_path, fits=True) == b"measured"
    keep(tmp_path, b"measured more")
    assert given(tmp_path, fits=True) == b"measured more"
    assert len(list(tmp_path.iterdir())) == 1


def test_another_version_has_another_cache(tmp_path: Path) -> None:
    keep(tmp_path, b"measured")
    assert given(tmp_path, fits=True, place=replace(PLACE, version="11.4.0.106")) == b""


def test_one_that_tensorrt_finds_to_be_another_devices_is_a_miss(tmp_path: Path) -> None:
    keep(tmp_path, b"measured")
    assert given(tmp_path, fits=False) == b""


def test_one_that_is_no_cache_is_a_miss(tmp_path: Path) -> None:
    keep(tmp_path, b"broken")
    assert given(tmp_path, fits=True) == b""


def test_its_folder_is_made(tmp_path: Path) -> None:
    folder = tmp_path / "work" / "timing"
    assert given(folder, fits=True) == b""
    keep(folder, b"measured")
    assert given(folder, fits=True) == b"measured"


def test_a_folder_that_cannot_be_made_is_a_miss(tmp_path: Path) -> None:
    folder = tmp_path / "a file"
    folder.write_bytes(b"")
    keep(folder, b"measured")
    assert given(folder, fits=True) == b""


def test_a_build_without_a_cache_keeps_nothing(tmp_path: Path) -> None:
    TimingCache(tmp_path, PLACE).keep(Config(lambda _content: True))
    assert list(tmp_path.iterdir()) == []
