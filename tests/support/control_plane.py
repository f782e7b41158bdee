"""A real etcd and kube-apiserver for tests: no nodes, no controllers, gone when the test ends.

RBAC and audit are on. There is no controller-manager, so nothing collects garbage, makes
ServiceAccounts, or finishes the deletion of a namespace; a test makes what it needs.
"""

import ctypes
import json
import os
import secrets
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from http import HTTPStatus
from pathlib import Path
from typing import Any

from hack.cluster.build import build
from hack.cluster.commands import run
from hack.cluster.paths import REPOSITORY, tools_dir
from hack.cluster.polling import becomes_true
from tests.support.audit import AuditedRequest, AuditLog

CRDS = REPOSITORY / "crds"
_CRD_SCHEMA = "/openapi/v3/apis/trifocal.dev/v1alpha1"  # published last of all
_JSON = "application/json"
_START_SECONDS = 180  # 4 s on an idle machine; over 60 s on two cores that many others use
_STOP_SECONDS = 10
_ATTEMPTS = 3  # a port that was free can be taken before the server binds it
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)

_AUDIT_POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [
        {"level": "None", "nonResourceURLs": ["/healthz*", "/livez*", "/readyz*"]},
        {"level": "Metadata"},
    ],
}


class ControlPlane:
    """One running pair of etcd and kube-apiserver; `control_plane()` makes it."""

    def __init__(self, root: Path) -> None:
        """Nothing runs yet; every file goes below `root`."""
        self.root = root
        self.kubeconfig = root / "kubeconfig"
        self.audit = AuditLog(root / "audit.log")
        self.token = secrets.token_hex(16)
        self._etcd_port, self._api_port = free_ports(2)
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def url(self) -> str:
        """Where the API server listens."""
        return f"https://127.0.0.1:{self._api_port}"

    @property
    def authority(self) -> Path:
        """The certificate that clients verify the API server with."""
        return self.root / "apiserver.crt"

    def start(self) -> None:
        """Start both and wait until the API server is ready."""
        self._write_files()
        self._start("etcd", self._etcd_arguments())
        self.start_api_server()

    def start_api_server(self) -> None:
        """Start the API server, on the same port and data as before, and wait for it."""
        self._start("kube-apiserver", self._api_server_arguments())
        if not becomes_true(lambda: self._exited() or self.answers("/readyz"), _START_SECONDS):
            raise RuntimeError(f"The API server is not ready: {self.log('kube-apiserver')}")
        if self._exited():
            raise ChildProcessError(self.log("etcd") + self.log("kube-apiserver"))

    def stop_api_server(self) -> None:
        """Stop the API server as an outage would; etcd keeps the data."""
        _stop(self._processes.pop("kube-apiserver"))

    @contextmanager
    def without_api_server(self) -> Iterator[None]:
        """Stop the API server, and start it again at the end."""
        self.stop_api_server()
        try:
            yield
        finally:
            self.start_api_server()

    def start_beside(self, name: str, *arguments: str, **environment: str) -> None:
        """Start another of the built programs, such as a scheduler; `stop` stops it first."""
        self._start(name, arguments, environment)

    def pid(self, name: str) -> int:
        """Process ID of a program that runs here."""
        return self._processes[name].pid

    def stop(self) -> None:
        """Stop whatever runs."""
        while self._processes:
            _stop(self._processes.popitem()[1])

    def kubectl(
        self, *arguments: str | Path, stdin: str | None = None, cwd: Path | None = None
    ) -> "subprocess.CompletedProcess[str]":
        """Run kubectl as the administrator; the caller looks at the status and the output."""
        environment = {
            "PATH": f"{tools_dir()}:{os.environ['PATH']}",
            "HOME": str(self.root),
            "KUBECONFIG": str(self.kubeconfig),
        }
        return subprocess.run(  # noqa: S603 - the test's own words
            [str(tools_dir() / "kubectl"), *map(str, arguments)],
            env=environment,
            cwd=cwd,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    def must(self, *arguments: str | Path, stdin: str | None = None) -> str:
        """Standard output of kubectl, which has to succeed."""
        done = self.kubectl(*arguments, stdin=stdin)
        if done.returncode != 0:
            raise AssertionError(f"kubectl {arguments} failed: {done.stderr}")
        return done.stdout

    def request(
        self, method: str, path: str, body: object = None, *, content_type: str = _JSON
    ) -> tuple[int, dict[str, Any]]:
        """One call of the API as the administrator: HTTP status and the object or Status."""
        status, answer = self._call(method, path, body, content_type)
        return status, json.loads(answer)

    def _call(
        self, method: str, path: str, body: object = None, content_type: str = _JSON
    ) -> tuple[int, bytes]:
        request = urllib.request.Request(  # noqa: S310 - https to ourselves
            self.url + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self.token}", "Content-Type": content_type},
        )
        context = ssl.create_default_context(cafile=str(self.authority))
        try:
            with urllib.request.urlopen(request, timeout=10, context=context) as answer:  # noqa: S310 - as above
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read()

    def answers(self, path: str) -> bool:
        """Whether there is an API server that answers `GET path` with 200."""
        with suppress(OSError):
            return self._call("GET", path)[0] == HTTPStatus.OK
        return False

    def namespace(self, prefix: str = "test", **labels: str) -> str:
        """Create a namespace of a fresh name, with the ServiceAccount that pods need."""
        name = f"{prefix}-{secrets.token_hex(4)}"
        namespace = {"kind": "Namespace", "metadata": {"name": name, "labels": labels}}
        account = {"kind": "ServiceAccount", "metadata": {"name": "default", "namespace": name}}
        for each in (namespace, account):
            self.must("create", "-f", "-", stdin=json.dumps({"apiVersion": "v1", **each}))
        return name

    def install_crds(self) -> None:
        """Install the repository's CRDs and wait until they and their schemas are served."""
        self.must("apply", "--server-side", "-f", CRDS)
        if not becomes_true(lambda: self.answers(_CRD_SCHEMA), _START_SECONDS):
            raise RuntimeError(f"The CRDs are not served: {self.log('kube-apiserver')}")
        # kubectl looked before the CRDs were there, and remembers for hours.
        shutil.rmtree(self.root / ".kube" / "cache")

    def audit_position(self) -> int:
        """A mark for `audit_writes`."""
        return self.audit.position()

    def audit_writes(self, since: int) -> tuple[AuditedRequest, ...]:
        """Writes by anyone but the API server since that mark, leases left out."""
        return self.audit.writes(since)

    def log(self, name: str) -> str:
        """The last lines of a component's log."""
        lines = (self.root / f"{name}.log").read_text().splitlines()
        return f"{name}:\n" + "\n".join(lines[-15:]) + "\n"

    def _start(
        self, name: str, arguments: Sequence[str], environment: Mapping[str, str] | None = None
    ) -> None:
        with (self.root / f"{name}.log").open("ab") as log:
            self._processes[name] = subprocess.Popen(  # noqa: S603 - built by us
                [str(tools_dir() / name), *arguments],
                env={**os.environ, **(environment or {})},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # Ctrl-C is for pytest, which then stops them in order.
                start_new_session=True,
                preexec_fn=_die_with_parent,  # noqa: PLW1509 - one system call, no locks
            )

    def _exited(self) -> bool:
        return any(process.poll() is not None for process in self._processes.values())

    def _write_files(self) -> None:
        certificate: list[str | Path] = [
            *("openssl", "req", "-x509", "-days", "2", "-newkey", "ec", "-nodes"),
            *("-pkeyopt", "ec_paramgen_curve:P-256", "-subj", "/CN=trifocal-test"),
            *("-addext", "subjectAltName=IP:127.0.0.1"),
            *("-addext", "keyUsage=critical,digitalSignature,keyCertSign"),
            *("-keyout", self.root / "apiserver.key", "-out", self.authority),
        ]
        run(certificate, advice="Install it with: apt-get install openssl")
        (self.root / "tokens.csv").write_text(f'{self.token},admin,admin,"system:masters"\n')
        (self.root / "audit-policy.json").write_text(json.dumps(_AUDIT_POLICY))
        self.kubeconfig.write_text(json.dumps(self.kubeconfig_for(self.token)))

    def kubeconfig_for(self, token: str) -> dict[str, object]:
        """A kubeconfig that logs in with that bearer token."""
        cluster = {"server": self.url, "certificate-authority": str(self.authority)}
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "test", "cluster": cluster}],
            "users": [{"name": "test", "user": {"token": token}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
            "current-context": "test",
        }

    def _etcd_arguments(self) -> tuple[str, ...]:
        client = f"http://127.0.0.1:{self._etcd_port}"
        return (
            f"--data-dir={self.root / 'etcd'}",
            "--unsafe-no-fsync",
            f"--listen-client-urls={client}",
            f"--advertise-client-urls={client}",
            "--listen-peer-urls=http://127.0.0.1:0",  # no peer will come
            "--log-level=warn",
        )

    def _api_server_arguments(self) -> tuple[str, ...]:
        root = self.root
        return (
            "--bind-address=127.0.0.1",
            "--advertise-address=127.0.0.1",
            "--endpoint-reconciler-type=none",  # loopback is no legal endpoint
            f"--secure-port={self._api_port}",
            f"--etcd-servers=http://127.0.0.1:{self._etcd_port}",
            f"--tls-cert-file={self.authority}",
            f"--tls-private-key-file={root / 'apiserver.key'}",
            f"--token-auth-file={root / 'tokens.csv'}",
            "--authorization-mode=RBAC",
            "--service-cluster-ip-range=10.0.0.0/16",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={self.authority}",
            f"--service-account-signing-key-file={root / 'apiserver.key'}",
            f"--audit-policy-file={root / 'audit-policy.json'}",
            f"--audit-log-path={self.audit.path}",
            # Written before the answer is, so a test that got its answer finds the line.
            "--audit-log-mode=blocking",
            "--audit-log-maxsize=1000",
        )


@contextmanager
def control_plane(*, crds: bool = True) -> Iterator[ControlPlane]:
    """A started control plane, with the CRDs; stopped and deleted however the test ends."""
    build(["etcd", "kube-apiserver", "kubectl"])
    with tempfile.TemporaryDirectory(prefix="trifocal-control-plane-") as folder:
        plane = _started(Path(folder))
        try:
            if crds:
                plane.install_crds()
            yield plane
        finally:
            plane.stop()


def _started(folder: Path) -> ControlPlane:
    for attempt in range(_ATTEMPTS):
        root = folder / str(attempt)
        root.mkdir()
        plane = ControlPlane(root)
        try:
            plane.start()
        except ChildProcessError:
            plane.stop()
            if attempt == _ATTEMPTS - 1:
                raise
        except BaseException:
            plane.stop()
            raise
        else:
            return plane
    raise AssertionError("unreachable")


def _stop(process: "subprocess.Popen[bytes]") -> None:
    """End it; a server that has no reason to linger is killed when it does."""
    process.terminate()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _die_with_parent() -> None:
    """Even a killed pytest leaves no server behind (Linux)."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def free_ports(count: int) -> list[int]:
    """Ports that nothing listens on now."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    try:
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()
