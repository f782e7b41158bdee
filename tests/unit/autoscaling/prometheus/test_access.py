"""Credentials and trust come from files, at each use."""

import os
import ssl
from pathlib import Path

import pytest

from trifocal.autoscaling.prometheus.access import PrometheusAccess, Trust
from trifocal.autoscaling.prometheus.answer import PrometheusError

URL = "http://prometheus:9090"
CERTIFICATE = Path(__file__).parent / "data" / "ca.crt"


@pytest.mark.parametrize("url", [URL, f"{URL}/"])
def test_the_query_path_is_added_to_the_root(url: str) -> None:
    assert PrometheusAccess(url=url).query_url == "http://prometheus:9090/api/v1/query"


def test_without_files_nothing_is_sent() -> None:
    assert PrometheusAccess(url=URL).headers() == {}


def test_a_token_is_read_again_when_it_has_changed(tmp_path: Path) -> None:
    token = tmp_path / "token"
    access = PrometheusAccess(url=URL, token_file=token)
    token.write_text("first\n")
    assert access.headers() == {"Authorization": "Bearer first"}
    token.write_text("second")
    assert access.headers() == {"Authorization": "Bearer second"}


def test_basic_auth_is_that_of_the_rfc(tmp_path: Path) -> None:
    """RFC 7617, section 2: the user Aladdin with the password "open sesame"."""
    (tmp_path / "username").write_text("Aladdin")
    (tmp_path / "password").write_text("open sesame\n")
    assert PrometheusAccess(url=URL, basic_auth=tmp_path).headers() == {
        "Authorization": "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="
    }


@pytest.mark.parametrize("content", [b"", b"\n", b"two\nlines", b"a\x00b", b"\xff\xfe"])
def test_a_token_that_no_header_can_hold_is_named_but_not_shown(
    tmp_path: Path, content: bytes
) -> None:
    token = tmp_path / "token"
    token.write_bytes(content)
    with pytest.raises(PrometheusError, match=r"/token ") as caught:
        PrometheusAccess(url=URL, token_file=token).headers()
    assert "two" not in str(caught.value)


def test_a_token_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(PrometheusError, match=r"token cannot be read \(.*No such file"):
        PrometheusAccess(url=URL, token_file=tmp_path / "token").headers()


def test_without_a_file_the_systems_certificates_are_trusted() -> None:
    assert Trust(None).context() is True


def test_certificates_are_read_again_when_the_file_has_changed(tmp_path: Path) -> None:
    file = tmp_path / "ca.crt"
    file.write_text(CERTIFICATE.read_text())
    trust = Trust(file)
    first = trust.context()
    assert isinstance(first, ssl.SSLContext)
    assert first.verify_mode is ssl.CERT_REQUIRED
    assert trust.context() is first
    os.utime(file, ns=(1, 1))
    assert trust.context() is not first


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_a_file_without_certificates_is_named(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "ca.crt").write_text(content)
    with pytest.raises(PrometheusError, match=r"ca.crt gives no certificates to trust"):
        Trust(tmp_path / "ca.crt").context()
