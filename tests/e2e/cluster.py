"""A Kubernetes cluster as the e2e tests use it: kubectl, helm, claims filled through a pod."""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hack.cluster.paths import State, tools_dir
from hack.cluster.runtime import present_images

ROOT = Path(__file__).parents[2]
SYSTEM = "trifocal-system"
RELEASE = "trifocal"
OPERATOR = "trifocal-operator"
"""The chart's Deployment."""
TOOLS = tools_dir()
IMAGES = {
    name: os.environ.get(f"TRIFOCAL_IMAGE_{name.upper().replace('-', '_')}", default)
    for name, default in (
        ("operator", "trifocal.dev/operator:dev"),
        ("optimizer", "trifocal.dev/optimizer:dev"),
        ("optimizer-extended", "trifocal.dev/optimizer-extended:dev"),
        ("triton-cpu", "trifocal.dev/triton-cpu:dev"),
    )
}


def eventually(
    read: Callable[[], Any], accept: Callable[[Any], bool], *, seconds: float, what: str
) -> Any:
    """Read until accepted; fail with the last value when the deadline passes."""
    deadline = time.monotonic() + seconds
    while True:
        value = read()
        if accept(value):
            return value
        if time.monotonic() > deadline:
            raise AssertionError(
                f"{what} did not happen within {seconds:.0f} s; last seen: {value}"
            )
        time.sleep(0.5)


def tool(name: str) -> str:
    """The program from the local cluster's cache, else from PATH."""
    if (TOOLS / name).exists():
        return str(TOOLS / name)
    found = shutil.which(name)
    assert found, f"{name} is neither in {TOOLS} nor on PATH; run `python3 -m hack.cluster build`."
    return found


@dataclass(frozen=True)
class Cluster:
    """One cluster."""

    kubeconfig: Path
    local: bool

    @classmethod
    def local_cluster(cls, environment: str) -> "Cluster":
        """From the export lines that `hack.cluster env` prints."""
        values = dict(
            line.removeprefix("export ").split("=", 1)
            for line in environment.splitlines()
            if "=" in line
        )
        return cls(kubeconfig=Path(values["KUBECONFIG"].strip("'\"")), local=True)

    def run(self, *command: str, check: bool = True, stdin: bytes | None = None) -> str:
        """Run a program against this cluster; its stdout, or an error with its words."""
        done = subprocess.run(  # noqa: S603 - the tests' own commands
            command,
            env={**os.environ, "KUBECONFIG": str(self.kubeconfig)},
            input=stdin,
            capture_output=True,
            check=False,
        )
        if check and done.returncode:
            raise AssertionError(f"{' '.join(command)}: {done.stderr.decode()}")
        return done.stdout.decode() if not done.returncode else done.stderr.decode()

    def kubectl(self, *arguments: str, check: bool = True, stdin: bytes | None = None) -> str:
        """Run kubectl."""
        return self.run(tool("kubectl"), *arguments, check=check, stdin=stdin)

    def get(self, *arguments: str) -> Any:
        """`kubectl get -o json`."""
        return json.loads(self.kubectl("get", *arguments, "-o", "json"))

    def apply(self, manifest: Mapping[str, Any]) -> None:
        """`kubectl apply`."""
        self.kubectl("apply", "-f", "-", stdin=json.dumps(manifest).encode())

    def install_chart(self, chart: Path) -> None:
        """`helm upgrade --install`, wait for the operator, and `helm test`."""
        values = {
            "image": IMAGES["operator"],
            "optimizer.image": IMAGES["optimizer"],
            "optimizer.extendedImage": IMAGES["optimizer-extended"],
            "triton.image": IMAGES["triton-cpu"],
            "triton.backend": "python",
        }
        if self.local:
            # A rebuilt image keeps its name; this makes the operator restart with it.
            state = State.from_environment()
            values["podAnnotations.image"] = present_images(state)[IMAGES["operator"]]
        sets = [part for key, value in values.items() for part in ("--set", f"{key}={value}")]
        self.run(
            tool("helm"), "upgrade", "--install", RELEASE, str(chart),
            "--namespace", SYSTEM, "--create-namespace", *sets, "--wait", "--timeout", "120s",
        )  # fmt: skip
        self.run(tool("helm"), "test", RELEASE, "--namespace", SYSTEM, "--timeout", "180s")

    def create_namespace(self, name: str) -> None:
        """A namespace that accepts restricted pods only."""
        self.apply(
            {
                "apiVersion": "v1",
                "kind": "Namespace",
                "metadata": {
                    "name": name,
                    "labels": {"pod-security.kubernetes.io/enforce": "restricted"},
                },
            }
        )

    def create_claim(self, namespace: str, name: str) -> None:
        """A small claim of the default storage class."""
        self.apply(
            {
                "apiVersion": "v1",
                "kind": "PersistentVolumeClaim",
                "metadata": {"name": name, "namespace": namespace},
                "spec": {
                    "accessModes": ["ReadWriteMany"],
                    "resources": {"requests": {"storage": "1Gi"}},
                },
            }
        )

    def load_claim(self, namespace: str, name: str, folder: Path) -> None:
        """Fill a claim with a folder's files, through a pod that mounts it."""
        self.create_claim(namespace, name)
        self.apply(
            restricted_pod(
                namespace,
                "loader",
                command=["sleep", "600"],
                volume={"persistentVolumeClaim": {"claimName": name}},
                mount="/data",
            )
        )
        self.kubectl(
            "wait", "-n", namespace, "pod/loader", "--for=condition=Ready", "--timeout=90s"
        )
        archive = subprocess.run(  # noqa: S603 - tar of our own folder
            ["tar", "-C", str(folder), "-cf", "-", *(p.name for p in folder.iterdir())],  # noqa: S607 - Debian's
            capture_output=True,
            check=True,
        ).stdout
        self.kubectl(
            "exec", "-i", "-n", namespace, "loader", "--", "tar", "-C", "/data", "-xf", "-",
            stdin=archive,
        )  # fmt: skip
        self.kubectl("delete", "-n", namespace, "pod/loader", "--grace-period=1")


def restricted_pod(
    namespace: str,
    name: str,
    *,
    command: Sequence[str],
    volume: Mapping[str, Any],
    mount: str,
    environment: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """A pod of the operator's image that a restricted namespace admits."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "automountServiceAccountToken": False,
            "restartPolicy": "Never",
            "terminationGracePeriodSeconds": 1,
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": 65532,
                "fsGroup": 65532,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [
                {
                    "name": name,
                    "image": IMAGES["operator"],
                    "command": list(command),
                    "env": [{"name": k, "value": v} for k, v in (environment or {}).items()],
                    "securityContext": {
                        "allowPrivilegeEscalation": False,
                        "capabilities": {"drop": ["ALL"]},
                    },
                    "volumeMounts": [{"name": "files", "mountPath": mount}],
                }
            ],
            "volumes": [{"name": "files", **volume}],
        },
    }
