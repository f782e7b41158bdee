"""A real Triton server (24.10, core 2.51) as a process, from PyPI's nvidia-pytriton.

Installed once, next to the other tools, and never redistributed: the wheel bundles NVIDIA's
libraries under their own licence. It holds the python backend alone.
"""

import contextlib
import fcntl
import os
import shutil
import signal
import socket
import subprocess
import sysconfig
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError

import onnxruntime

from tests.support.control_plane import free_ports
from trifocal.triton import exposition
from trifocal.triton.exposition import ModelSamples

PYTRITON = "nvidia-pytriton==0.7.0"
PYTHON = "3.11"
"""The wheel ships a python backend stub for each of 3.8 to 3.13; there is no default one."""
READY_SECONDS = 60
"""Two cores that do other things as well; alone it takes 2 s."""

COUNTED_SECONDS = 10


@dataclass(frozen=True, kw_only=True)
class Installation:
    """Where the server lies, and the interpreter whose packages its models import."""

    root: Path

    @property
    def server(self) -> Path:
        return self.root / "packages/pytriton/tritonserver"

    @property
    def interpreter(self) -> Path:
        return self.root / "venv/bin/python"


@dataclass(frozen=True, kw_only=True)
class RunningTriton:
    """A started server."""

    process: subprocess.Popen[bytes]
    http_port: int
    grpc_port: int
    metrics_port: int
    log: Path

    @property
    def http(self) -> str:
        return f"127.0.0.1:{self.http_port}"

    @property
    def grpc(self) -> str:
        return f"127.0.0.1:{self.grpc_port}"

    def metrics(self) -> str:
        with urllib.request.urlopen(
            f"http://127.0.0.1:{self.metrics_port}/metrics", timeout=5
        ) as answer:
            text: str = answer.read().decode()
            return text

    def samples(self, model: str, answered: float = 0) -> ModelSamples:
        """A model's counters, once they hold so many requests.

        Triton counts a request after it has sent the answer, so a client may be faster.
        """
        deadline = time.monotonic() + COUNTED_SECONDS
        while True:
            samples = exposition.parse(self.metrics())[model]
            if samples.success + sum(samples.failure.values()) >= answered:
                return samples
            if time.monotonic() > deadline:
                raise AssertionError(f"{answered} requests were answered, counted are: {samples}")
            time.sleep(0.02)

    def is_ready(self) -> bool:
        """Metrics too: their listener starts after the one for requests."""
        try:
            with urllib.request.urlopen(f"http://{self.http}/v2/health/ready", timeout=5) as answer:
                return bool(answer.status == 200 and self.metrics())
        except (URLError, OSError):
            return False


def cache_directory() -> Path:
    """Outside the checkout, so that a second run downloads nothing."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "trifocal" / "triton"


def install() -> Installation:
    """The cached installation, made first if need be; safe beside other processes."""
    name = f"{PYTRITON.replace('==', '-')}-onnxruntime-{onnxruntime.__version__}"
    root = cache_directory() / name
    root.parent.mkdir(parents=True, exist_ok=True)
    with (root.parent / "install.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not root.exists():
            _install_into(root)
    return Installation(root=root)


def _install_into(root: Path) -> None:
    part = root.with_name(root.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    target = Installation(root=part)
    _uv("pip", "install", "--no-deps", "--target", str(part / "packages"), PYTRITON)
    # Not relocatable by itself: the interpreter is found through pyvenv.cfg beside it.
    _uv("venv", "--python", PYTHON, "--relocatable", str(part / "venv"))
    _uv(
        "pip",
        "install",
        "--python",
        str(target.interpreter),
        "numpy<2",
        f"onnxruntime=={onnxruntime.__version__}",
    )
    stubs = target.server / "python_backend_stubs"
    shutil.copy(stubs / PYTHON / "triton_python_backend_stub", target.server / "backends/python")
    for program in (
        target.server / "bin/tritonserver",
        target.server / "backends/python/triton_python_backend_stub",
    ):
        program.chmod(0o755)
    part.rename(root)


def _uv(*arguments: str) -> None:
    # `uv run` names itself in UV; on a bare machine it is on no PATH.
    uv = os.environ.get("UV", "uv")
    subprocess.run([uv, "--quiet", *arguments], check=True)  # noqa: S603 - our own words


@contextlib.contextmanager
def running(
    installation: Installation, repository: Path, arguments: Sequence[str], *, wait: bool = True
) -> Iterator[RunningTriton]:
    """Start a server on free ports; on leaving it is stopped, its stubs with it.

    `arguments` come last, so they win over the ports chosen here.
    """
    http, grpc, metrics = free_ports(3)
    with tempfile.NamedTemporaryFile(suffix=".log", delete=False) as log:
        process = subprocess.Popen(  # noqa: S603 - the server under test
            [
                str(installation.server / "bin/tritonserver"),
                f"--model-repository={repository}",
                f"--backend-directory={installation.server / 'backends'}",
                f"--cache-directory={installation.server / 'caches'}",
                *arguments,
                f"--http-port={http}",
                f"--grpc-port={grpc}",
                f"--metrics-port={metrics}",
                "--http-address=127.0.0.1",
                "--grpc-address=127.0.0.1",
                "--metrics-address=127.0.0.1",
            ],
            stdout=log,
            stderr=subprocess.STDOUT,
            env=_environment(installation),
            start_new_session=True,
        )
    server = RunningTriton(
        process=process,
        http_port=http,
        grpc_port=grpc,
        metrics_port=metrics,
        log=Path(log.name),
    )
    try:
        if wait:
            wait_until_ready(server)
        yield server
    finally:
        # The group: stubs of a server that died ignore SIGTERM and would stay.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        server.log.unlink()


def wait_until_ready(server: RunningTriton) -> None:
    """Raise with the server's own words if it does not become ready."""
    deadline = time.monotonic() + READY_SECONDS
    while not server.is_ready():
        if server.process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(
                f"tritonserver is not ready (exit {server.process.poll()}):\n"
                f"{server.log.read_text(errors='replace')[-6000:]}"
            )
        time.sleep(0.05)


def wait_for_port(port: int, process: "subprocess.Popen[bytes]") -> None:
    """Until the process listens there."""
    deadline = time.monotonic() + READY_SECONDS
    while True:
        with socket.socket() as attempt:
            if attempt.connect_ex(("127.0.0.1", port)) == 0:
                return
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"Nothing listens on port {port} (exit {process.poll()}).")
        time.sleep(0.05)


def _environment(installation: Installation) -> dict[str, str]:
    interpreter = installation.interpreter.parent
    library = sysconfig.get_config_var("LIBDIR") or ""
    environment = {
        # The stub takes its packages from the first python on PATH.
        "PATH": f"{interpreter}:{os.environ['PATH']}",
        "OMP_NUM_THREADS": "1",
        "HOME": os.environ.get("HOME", "/"),
    }
    if (Path(library) / f"libpython{PYTHON}.so.1.0").exists():
        environment["LD_LIBRARY_PATH"] = library
    return environment
