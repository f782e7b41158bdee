"""Places: which URIs there are, and what messages may show of them."""

import pytest

from trifocal.api.condition import Reason
from trifocal.artifacts.failure import RefusedError
from trifocal.artifacts.place import Place


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ("file:///a/model%20one.onnx", "/a/model one.onnx"),
        ("s3://bucket/folder/key.tar", "bucket/folder/key.tar"),
        ("s3://bucket/folder/", "bucket/folder"),
    ],
)
def test_path_is_what_the_file_system_calls_it(uri: str, path: str) -> None:
    assert Place(uri=uri).path == path


def test_secrets_in_a_uri_are_not_shown() -> None:
    place = Place(uri="https://user:password@example.org/model.onnx?X-Amz-Signature=secret#part")

    assert place.shown == "https://example.org/model.onnx"


def test_unknown_scheme_is_refused_with_the_known_ones() -> None:
    with pytest.raises(RefusedError, match="scheme 'ftp'; use one of file://, http://") as refusal:
        Place(uri="ftp://example.org/model.onnx")
    assert refusal.value.reason is Reason.SOURCE_REFUSED


def test_file_uri_with_a_host_is_refused() -> None:
    with pytest.raises(RefusedError, match="names the host 'models'"):
        Place(uri="file://models/model.onnx")


@pytest.mark.parametrize("uri", ["http:///model.onnx", "https://host:99999/m", "http://host:x/m"])
def test_web_address_without_a_valid_host_and_port_is_refused(uri: str) -> None:
    with pytest.raises(RefusedError, match="has no valid host and port"):
        Place(uri=uri)
