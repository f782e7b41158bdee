"""Credentials: read as mounted, and never repeated in a message."""

from pathlib import Path

import pytest

from trifocal.api.condition import Reason
from trifocal.artifacts.credentials import read_key, require_key
from trifocal.artifacts.failure import RefusedError


def test_last_line_break_is_no_part_of_the_value(tmp_path: Path) -> None:
    (tmp_path / "KEY").write_text("value\n")

    assert read_key(tmp_path, "KEY") == "value"


def test_missing_key_is_none_where_it_may_be_missing(tmp_path: Path) -> None:
    assert read_key(tmp_path, "AWS_SESSION_TOKEN") is None


@pytest.mark.parametrize("content", [b"", b"\n"])
def test_empty_key_counts_as_missing_where_it_must_be_there(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "KEY").write_bytes(content)

    with pytest.raises(RefusedError, match="has no key KEY; add it to the Secret") as error:
        require_key(tmp_path, "KEY", "s3:// locations")
    assert error.value.reason is Reason.CREDENTIALS_INVALID


@pytest.mark.parametrize(
    "content", [b"hidden\r\nX-Injected: 1", b"hidden\x00", "h\u00efdden".encode(), b"hidden\xff"]
)
def test_value_that_no_header_can_hold_is_refused_without_showing_it(
    tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "AUTHORIZATION").write_bytes(content)

    with pytest.raises(RefusedError, match="is not one line of plain ASCII text") as error:
        read_key(tmp_path, "AUTHORIZATION")
    assert "dden" not in str(error.value)
