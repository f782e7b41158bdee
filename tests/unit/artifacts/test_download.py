"""Downloads: one verified file on disk, or nothing and a reason."""

import hashlib
import os
from pathlib import Path

import pytest

from tests.support.web_server import Answer, web_server
from trifocal.api.condition import Reason
from trifocal.artifacts.download import download
from trifocal.artifacts.failure import InterruptedWorkError, RefusedError
from trifocal.artifacts.place import Place

CONTENT = b"model bytes" * 1000
DIGEST = f"sha256:{hashlib.sha256(CONTENT).hexdigest()}"
OTHER = f"sha256:{'0' * 64}"


def get(
    uri: str, target: Path, *, digest: str = DIGEST, limit: int = 1 << 20, **place: Path
) -> None:
    download(Place(uri=uri, **place), target, digest=digest, limit=limit)  # type: ignore[arg-type]


def test_http_file_arrives(tmp_path: Path) -> None:
    with web_server(lambda _path: Answer(body=CONTENT)) as server:
        get(server.url("/model.onnx?token=1"), tmp_path / "model")

    assert (tmp_path / "model").read_bytes() == CONTENT
    assert server.seen[0][0] == "/model.onnx?token=1"


def test_path_with_other_letters_is_encoded(tmp_path: Path) -> None:
    with web_server(lambda _path: Answer(body=CONTENT)) as server:
        get(server.url("/modèle%20a.onnx?x=1&y=%2F"), tmp_path / "model")

    assert server.seen[0][0] == "/mod%C3%A8le%20a.onnx?x=1&y=%2F"


def test_file_uri_is_copied(tmp_path: Path) -> None:
    (tmp_path / "a b").write_bytes(CONTENT)

    get((tmp_path / "a b").as_uri(), tmp_path / "model")

    assert (tmp_path / "model").read_bytes() == CONTENT


def test_wrong_digest_leaves_nothing_and_names_both(tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(CONTENT)

    with pytest.raises(RefusedError) as refusal:
        get((tmp_path / "source").as_uri(), tmp_path / "model", digest=OTHER)

    assert refusal.value.reason is Reason.DIGEST_MISMATCH
    assert DIGEST in str(refusal.value)
    assert OTHER in str(refusal.value)
    assert not (tmp_path / "model").exists()


def test_size_limit_ends_the_download_before_the_file_does(tmp_path: Path) -> None:
    with (
        web_server(lambda _path: Answer(body=CONTENT)) as server,
        pytest.raises(RefusedError, match="larger than 100 bytes") as refusal,
    ):
        get(server.url("/"), tmp_path / "model", limit=100)

    assert refusal.value.reason is Reason.SOURCE_REFUSED
    assert not (tmp_path / "model").exists()


def test_connection_that_breaks_is_transient(tmp_path: Path) -> None:
    with (
        web_server(lambda _path: Answer(body=CONTENT, declared=len(CONTENT) + 5)) as server,
        pytest.raises(InterruptedWorkError, match="ended after 11000 of 11005 bytes") as failure,
    ):
        get(server.url("/"), tmp_path / "model")

    assert failure.value.reason is Reason.SOURCE_UNREACHABLE
    assert not (tmp_path / "model").exists()


def test_nobody_listening_is_transient(tmp_path: Path) -> None:
    with web_server(lambda _path: Answer()) as server:
        url = server.url("/model.onnx?signature=secret")

    with pytest.raises(InterruptedWorkError, match="Connection refused") as failure:
        get(url, tmp_path / "model")

    assert failure.value.reason is Reason.SOURCE_UNREACHABLE
    assert "secret" not in str(failure.value)


@pytest.mark.parametrize("status", [500, 503, 429])
def test_server_in_trouble_is_transient(tmp_path: Path, status: int) -> None:
    with (
        web_server(lambda _path: Answer(status=status)) as server,
        pytest.raises(InterruptedWorkError, match=f"answered {status}"),
    ):
        get(server.url("/"), tmp_path / "model")


def test_missing_file_is_refused(tmp_path: Path) -> None:
    with (
        web_server(lambda _path: Answer(status=404)) as server,
        pytest.raises(RefusedError, match="answered 404 Not Found; check the URI") as refusal,
    ):
        get(server.url("/"), tmp_path / "model")
    assert refusal.value.reason is Reason.SOURCE_UNREACHABLE


@pytest.mark.parametrize("status", [401, 403])
def test_denied_without_a_secret_says_to_name_one(tmp_path: Path, status: int) -> None:
    with (
        web_server(lambda _path: Answer(status=status)) as server,
        pytest.raises(RefusedError, match="name a Secret with the key AUTHORIZATION") as refusal,
    ):
        get(server.url("/"), tmp_path / "model")
    assert refusal.value.reason is Reason.CREDENTIALS_INVALID


def test_secret_becomes_the_authorization_header(tmp_path: Path) -> None:
    (tmp_path / "AUTHORIZATION").write_text("Bearer abc\n")

    with web_server(lambda _path: Answer(body=CONTENT)) as server:
        get(server.url("/"), tmp_path / "model", credentials_dir=tmp_path)

    assert server.seen[0][1]["Authorization"] == "Bearer abc"


def test_secret_without_the_key_is_refused_before_anything_is_sent(tmp_path: Path) -> None:
    with (
        web_server(lambda _path: Answer(body=CONTENT)) as server,
        pytest.raises(RefusedError, match="has no key AUTHORIZATION") as refusal,
    ):
        get(server.url("/"), tmp_path / "model", credentials_dir=tmp_path)
    assert refusal.value.reason is Reason.CREDENTIALS_INVALID
    assert server.seen == []


def test_redirect_on_the_same_host_is_followed(tmp_path: Path) -> None:
    def answer(path: str) -> Answer:
        return Answer(302, headers={"Location": "/new"}) if path == "/old" else Answer(body=CONTENT)

    with web_server(answer) as server:
        get(server.url("/old"), tmp_path / "model")

    assert [path for path, _ in server.seen] == ["/old", "/new"]


@pytest.mark.parametrize(
    "location",
    ["http://169.254.169.254/latest/meta-data", "http://localhost/x", "http://127.0.0.1:1/"],
)
def test_redirect_to_another_host_or_port_is_refused(tmp_path: Path, location: str) -> None:
    with (
        web_server(lambda _path: Answer(302, headers={"Location": location})) as server,
        pytest.raises(RefusedError, match="redirects to another host are not followed") as refusal,
    ):
        get(server.url("/"), tmp_path / "model")
    assert refusal.value.reason is Reason.SOURCE_REFUSED


def test_redirects_in_a_circle_end(tmp_path: Path) -> None:
    with (
        web_server(lambda _path: Answer(302, headers={"Location": "/"})) as server,
        pytest.raises(RefusedError, match="redirects more than 5 times"),
    ):
        get(server.url("/"), tmp_path / "model")


def test_metadata_service_is_never_asked(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="link-local or metadata address"):
        get("http://169.254.169.254/latest/meta-data/", tmp_path / "model")


def test_missing_path_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="does not exist; check the URI") as refusal:
        get((tmp_path / "missing").as_uri(), tmp_path / "model")
    assert refusal.value.reason is Reason.SOURCE_UNREACHABLE


def test_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="is not a file"):
        get(tmp_path.as_uri(), tmp_path / "model")


def test_pipe_is_refused_instead_of_waiting_for_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")

    with pytest.raises(RefusedError, match="is not a file"):
        get((tmp_path / "pipe").as_uri(), tmp_path / "model")


def test_full_scratch_disk_is_told_from_a_bad_source(tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(CONTENT)
    # The kernel's own full disk; behind a link, because the target is removed on failure.
    (tmp_path / "model").symlink_to("/dev/full")

    with pytest.raises(RefusedError, match="No space is left") as refusal:
        get((tmp_path / "source").as_uri(), tmp_path / "model")

    assert refusal.value.reason is Reason.DISK_FULL
    assert Path("/dev/full").exists()
