"""Constant load from inside the cluster, over HTTP and gRPC at once, with every failure counted."""

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from tests.e2e.cluster import ROOT, Cluster, eventually, restricted_pod
from tests.e2e.workload import Workload
from tests.support.quadrants import SIZE

PORTS = {"http": 8000, "grpc": 8001}
CONNECTIONS = 3
RATE = 20
"""Requests per second and protocol: well below what two replicas can do, so that only a lost
request can fail."""
CODE = "load-code"


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of the load."""

    answered: Mapping[str, int]
    failures: list[str]


class Load:
    """Load that runs until it is stopped."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self._cluster = cluster
        self._namespace = namespace

    def stop(self) -> Outcome:
        """Let it run on for a moment, end it, and sum up; fails when nothing was answered."""
        time.sleep(5)
        answered, failures = {}, []
        for protocol in PORTS:
            pod = f"load-{protocol}"
            self._exec(pod, "sh", "-c", "kill -TERM 1")
            phase = eventually(
                partial(self._phase, pod),
                lambda phase: phase in {"Succeeded", "Failed"},
                seconds=60,
                what=f"the end of {pod}",
            )
            lines = self._cluster.kubectl("logs", pod, "-n", self._namespace).splitlines()
            report = json.loads(next(line for line in reversed(lines) if line.startswith("{")))
            answered[protocol] = report["answered"]
            if report["failed"] or phase == "Failed":
                failures.append(f"{protocol}: {report['failed']} failed: {lines[-5:]}")
        assert all(count > RATE for count in answered.values()), answered
        return Outcome(answered=answered, failures=failures)

    def _phase(self, pod: str) -> str:
        phase: str = self._cluster.get("pod", pod, "-n", self._namespace)["status"]["phase"]
        return phase

    def _exec(self, pod: str, *command: str) -> None:
        self._cluster.kubectl("exec", pod, "-n", self._namespace, "--", *command)


@contextmanager
def load(workload: Workload, name: str) -> Iterator[Load]:
    """Load on a ModelDeployment until the block ends."""
    cluster, namespace = workload.cluster, workload.namespace
    cluster.apply(_code(namespace))
    pods = [f"load-{protocol}" for protocol in PORTS]
    try:
        for protocol, port in PORTS.items():
            cluster.apply(_pod(namespace, name, protocol, port))
        for pod in pods:
            cluster.kubectl(
                "wait", f"pod/{pod}", "-n", namespace, "--for=condition=Ready", "--timeout=60s"
            )
        yield Load(cluster, namespace)
    finally:
        cluster.kubectl(
            "delete", "pod", *pods, "-n", namespace, "--ignore-not-found", "--grace-period=1"
        )


def _code(namespace: str) -> dict[str, Any]:
    files = sorted((ROOT / "hack" / "load").glob("*.py"))
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": CODE, "namespace": namespace},
        "data": {path.name: path.read_text() for path in files},
    }


def _pod(namespace: str, name: str, protocol: str, port: int) -> dict[str, Any]:
    return restricted_pod(
        namespace,
        f"load-{protocol}",
        command=[
            *("python", "-m", "hack.load", "--json", "--protocol", protocol),
            *("--url", f"{name}.{namespace}.svc:{port}", "--model", name),
            *("--input", "image", "--shape", f"3,{SIZE},{SIZE}"),
            *("--connections", str(CONNECTIONS), "--rate", str(RATE), "--seconds", "600"),
        ],
        environment={"PYTHONPATH": "/code"},
        volume={"configMap": {"name": CODE}},
        mount="/code/hack/load",
    )
