"""Stores and disks in trouble: what passes is waited for, what does not has its reason."""

import http.client
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.support.s3_server import S3Server, s3_server
from tests.support.tiny_models import request
from trifocal.api.condition import Reason
from trifocal.artifacts.download import download
from trifocal.artifacts.failure import InterruptedWorkError
from trifocal.artifacts.fetch import fetch_artifact
from trifocal.artifacts.place import Place
from trifocal.artifacts.publication import describe, publish
from trifocal.artifacts.store import open_store
from trifocal.optimizer.contract import (
    EXIT_REFUSED,
    FailureKind,
    OptimizationRequest,
    OptimizationResult,
    ResolvedLocation,
)
from trifocal.optimizer.pipeline import Workplace, optimize
from trifocal.optimizer.progress import Announcer
from trifocal.optimizer.sources import place_of

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

Refuse = Callable[[str, str], bool]
"""From method and path to whether this request is answered with 503."""


class Gate:
    """What stands before the S3 server and has its moods."""

    def __init__(self, server: S3Server) -> None:
        self.port = 0
        self.refuse: Refuse = lambda _method, _path: False
        self.delay_seconds = 0.0
        self.refused = 0
        self._upstream = urlsplit(server.url).netloc
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def refuse_first(self, times: int, method: str) -> None:
        """Answer that many requests with 503, and all later ones as the server does."""
        left = iter(range(times))
        self.refuse = lambda found, _path: found == method and next(left, None) is not None

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        """Pass one request on, or not. The Host header stays: it is part of the signature."""
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        time.sleep(self.delay_seconds)
        with self._lock:
            refused = self.refuse(handler.command, handler.path)
            self.refused += refused
        if refused:
            _send(handler, HTTPStatus.SERVICE_UNAVAILABLE, {}, b"SlowDown")
            return
        upstream = http.client.HTTPConnection(self._upstream, timeout=60)
        upstream.request(handler.command, handler.path, body, dict(handler.headers.items()))
        found = upstream.getresponse()
        headers = {k: v for k, v in found.getheaders() if k.lower() not in _HOP_HEADERS}
        if handler.command == "HEAD":
            headers["Content-Length"] = found.headers.get("Content-Length", "0")
        _send(handler, found.status, headers, found.read())
        upstream.close()


_HOP_HEADERS = {"content-length", "transfer-encoding", "connection"}


def _send(
    handler: BaseHTTPRequestHandler, status: int, headers: dict[str, str], body: bytes
) -> None:
    handler.send_response_only(status)
    for name, value in ({"Content-Length": str(len(body))} | headers).items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(body)


@contextmanager
def gate_before(server: S3Server) -> Iterator[Gate]:
    gate = Gate(server)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            gate.answer(self)

        do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = answer  # noqa: N815 - http.server's

        def log_message(self, *_args: object) -> None:
            pass

    listener = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    gate.port = listener.server_port
    thread = threading.Thread(target=listener.serve_forever, daemon=True)
    thread.start()
    try:
        yield gate
    finally:
        listener.shutdown()
        listener.server_close()


@pytest.fixture(scope="module", name="server")
def _server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with s3_server(tmp_path_factory.mktemp("s3")) as running:
        yield running


@pytest.fixture(name="gate")
def _gate(server: S3Server) -> Iterator[Gate]:
    with gate_before(server) as gate:
        yield gate


def place(server: S3Server, gate: Gate, key: str, folder: Path) -> Place:
    credentials = server.credentials(folder / "secret")
    return Place(uri=f"s3://{key}", endpoint=gate.url, credentials_dir=credentials)


def test_a_download_outlives_a_few_503(server: S3Server, gate: Gate, tmp_path: Path) -> None:
    (server.folder / "models/busy.onnx").write_bytes(b"model")
    gate.refuse_first(2, "HEAD")

    source = place(server, gate, "models/busy.onnx", tmp_path)
    download(source, tmp_path / "m", digest=None, limit=9)

    assert (tmp_path / "m").read_bytes() == b"model"
    assert gate.refused == 2


def test_an_upload_in_parts_outlives_a_few_503(
    server: S3Server, gate: Gate, tmp_path: Path
) -> None:
    """20 MB: more than one part, so that one is refused in the middle of an upload."""
    (tmp_path / "model").write_bytes(bytes(range(256)) * 80_000)
    files = {"model.onnx": tmp_path / "model"}
    store = open_store(place(server, gate, "artifacts/busy", tmp_path))
    gate.refuse_first(2, "PUT")

    digest = publish(store, describe(files, {}), files)

    assert gate.refused == 2
    (tmp_path / "out").mkdir()
    fetch_artifact(store, digest, tmp_path / "out")
    assert (tmp_path / "out/model.onnx").read_bytes() == (tmp_path / "model").read_bytes()


def test_a_store_that_is_slow_is_waited_for(server: S3Server, gate: Gate, tmp_path: Path) -> None:
    gate.delay_seconds = 3.0
    store = open_store(place(server, gate, "artifacts/slow", tmp_path))

    store.write("recipes/a.json", b"x")

    assert store.read("recipes/a.json", 9) == b"x"


def test_a_source_that_answers_503_for_long_is_transient(
    server: S3Server, gate: Gate, tmp_path: Path
) -> None:
    gate.refuse = lambda _method, _path: True

    source = place(server, gate, "models/m.onnx", tmp_path)

    with pytest.raises(InterruptedWorkError, match=r"cannot be reached .*503") as error:
        download(source, tmp_path / "m", digest=None, limit=9)

    assert error.value.reason is Reason.SOURCE_UNREACHABLE
    assert gate.refused > 3
    assert not (tmp_path / "m").exists()


def test_a_store_that_answers_503_when_the_work_is_done_is_tried_again_by_the_job(
    server: S3Server, gate: Gate, tmp_path: Path
) -> None:
    store = place(server, gate, "artifacts/late", tmp_path)
    wanted = request(tmp_path, precisions=("fp16",))
    location = ResolvedLocation(
        uri=store.uri, endpoint=store.endpoint, credentials_dir=str(store.credentials_dir)
    )
    wanted = wanted.model_copy(update={"store": location})
    gate.refuse = lambda method, path: method in {"PUT", "POST"} and "/late/artifacts/" in path

    first = work(wanted, tmp_path / "first")
    gate.refuse = lambda _method, _path: False
    second = work(wanted, tmp_path / "second")

    assert first.failure is not None
    assert first.failure.kind is FailureKind.TRANSIENT
    assert first.failure.reason is Reason.STORE_UNWRITABLE
    assert "cannot be reached" in first.failure.message
    assert second.failure is None


def work(wanted: OptimizationRequest, scratch: Path) -> OptimizationResult:
    scratch.mkdir()
    return optimize(
        wanted,
        Workplace(
            store=open_store(place_of(wanted.store)),
            scratch=scratch,
            announce=Announcer(lambda _progress: None),
        ),
    )


def test_an_endpoint_whose_name_does_not_resolve_is_transient(
    server: S3Server, tmp_path: Path
) -> None:
    """`.invalid` never resolves (RFC 2606); a resolver that is down looks the same."""
    lost = Place(
        uri="s3://models/m.onnx",
        endpoint="http://store.invalid:9000",
        credentials_dir=server.credentials(tmp_path / "secret"),
    )

    with pytest.raises(InterruptedWorkError, match=r"store\.invalid cannot be resolved") as error:
        download(lost, tmp_path / "m", digest=None, limit=9)
    assert error.value.reason is Reason.SOURCE_UNREACHABLE
    assert str(error.value).endswith("check the host in the URI.")


@pytest.mark.parametrize("kibibytes", [4, 16, 64])
def test_a_full_scratch_volume_ends_the_job_with_its_field(tmp_path: Path, kibibytes: int) -> None:
    """The kernel's own full disk: a small tmpfs that only this process sees."""
    wanted = request(tmp_path)
    (tmp_path / "request.json").write_text(wanted.model_dump_json(by_alias=True, exclude_none=True))
    (tmp_path / "scratch").mkdir()
    job = (
        f"mount -t tmpfs -o size={kibibytes}k none scratch && "
        f"exec {sys.executable} -m trifocal.optimizer run --request request.json "
        "--scratch scratch --termination-log termination-log --progress-port 0"
    )
    if in_its_own_namespace("true", tmp_path).returncode:
        pytest.skip("this machine lets nobody make a mount of their own")

    done = in_its_own_namespace(job, tmp_path)

    assert done.returncode == EXIT_REFUSED, done.stdout + done.stderr
    failure = OptimizationResult.model_validate_json(
        (tmp_path / "termination-log").read_text()
    ).failure
    assert failure is not None
    assert failure.reason is Reason.DISK_FULL
    assert "raise spec.optimization.job.scratchSize" in failure.message


def in_its_own_namespace(script: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    """Run a shell script as a root that only its own mounts know."""
    command = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script]
    return subprocess.run(  # noqa: S603 - the test's own words
        command, cwd=folder, check=False, capture_output=True, text=True
    )
