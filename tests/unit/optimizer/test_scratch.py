"""The scratch volume is said to be full with what is used, what is allowed, and what to raise."""

from pathlib import Path

import pytest

from trifocal.api.condition import Reason
from trifocal.artifacts.failure import RefusedError
from trifocal.optimizer.scratch import bytes_in, ensure_room


def test_files_in_subfolders_count(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "0.png").write_bytes(b"x" * 300)
    (tmp_path / "model.onnx").write_bytes(b"x" * 700)
    assert bytes_in(tmp_path) == 1000


@pytest.mark.parametrize("limit", [None, 1000])
def test_what_fits_is_no_failure(tmp_path: Path, limit: int | None) -> None:
    (tmp_path / "model.onnx").write_bytes(b"x" * 1000)
    ensure_room(tmp_path, limit)


def test_one_byte_too_many_is_refused_with_the_field_to_raise(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"x" * 1001)
    with pytest.raises(RefusedError, match="1001 bytes are used of 1000") as caught:
        ensure_room(tmp_path, 1000)
    assert caught.value.reason is Reason.DISK_FULL
    assert "spec.optimization.job.scratchSize" in str(caught.value)
