"""The demo's cluster, by way of kubectl and helm, as a user would drive it."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from hack.cluster.paths import State, tools_dir
from hack.demo.problem import DemoError

NAMESPACE = "demo"
SYSTEM = "trifocal-system"
RELEASE = "trifocal"
NAME = "page-orientation"
SHOWN_WORDS = 6
"""Of a command that failed: enough to know it by."""


@dataclass(frozen=True)
class Kube:
    """A cluster, and whether it is the local one that `hack.cluster` runs."""

    kubeconfig: str
    local: bool

    @classmethod
    def from_environment(cls) -> "Kube":
        """KUBECONFIG's cluster; without it, the local one."""
        own = str(State.from_environment().kubeconfig)
        given = os.environ.get("KUBECONFIG") or own
        return cls(given, local=given == own)

    @property
    def environment(self) -> dict[str, str]:
        """For programs that talk to this cluster."""
        path = f"{tools_dir()}:{os.environ.get('PATH', '')}"
        return {**os.environ, "KUBECONFIG": self.kubeconfig, "PATH": path}

    def run(
        self,
        *command: str,
        stdin: bytes | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> str:
        """What a program prints, with this cluster and `environment` in its environment.

        Raises:
            DemoError: It failed; with its own last words.
        """
        done = subprocess.run(
            (self.find(command[0]), *command[1:]),
            env={**self.environment, **(environment or {})},
            input=stdin,
            capture_output=True,
            check=False,
        )
        if done.returncode != 0:
            said = " ".join(done.stderr.decode().split())[-600:]
            shown = " ".join(command[:SHOWN_WORDS])
            more = " ..." if len(command) > SHOWN_WORDS else ""
            raise DemoError(f"`{shown}{more}` failed: {said}")
        return done.stdout.decode()

    def find(self, program: str) -> str:
        """Its path: the local cluster's copy, else the one on PATH.

        Raises:
            DemoError: There is none.
        """
        found = shutil.which(program, path=self.environment["PATH"])
        if found is None:
            raise DemoError(
                f"{program} is not on PATH; install it, or run "
                f"`python3 -m hack.cluster build {program}`."
            )
        return found

    def kubectl(self, *arguments: str, stdin: bytes | None = None) -> str:
        """Run kubectl in the demo's namespace."""
        return self.run("kubectl", "--namespace", NAMESPACE, *arguments, stdin=stdin)

    def get(self, *arguments: str) -> Any:
        """`kubectl get` as JSON."""
        return json.loads(self.kubectl("get", *arguments, "--output", "json"))

    def apply(self, *manifests: Mapping[str, Any]) -> None:
        """`kubectl apply` of manifests."""
        items = {"apiVersion": "v1", "kind": "List", "items": manifests}
        self.kubectl("apply", "--filename", "-", stdin=json.dumps(items).encode())

    @contextmanager
    def forwarded(self, target: str, port: int) -> Iterator[str]:
        """host:port on this machine that leads to one pod of `target`, until the block ends."""
        process = subprocess.Popen(
            (
                self.find("kubectl"),
                *("--namespace", NAMESPACE, "port-forward", target, f":{port}"),
            ),
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            said = process.stdout.readline() if process.stdout else ""
            found = re.search(r"127\.0\.0\.1:(\d+)", said)
            if found is None:
                raise DemoError(
                    f"`kubectl port-forward {target}` said: {said.strip()}",
                    f"kubectl -n {NAMESPACE} get pods",
                )
            yield f"127.0.0.1:{found[1]}"
        finally:
            process.terminate()
            process.communicate()
