# ruff: noqa: S101, D103 - a test: asserting is the point, and its name says what it proves
"""The local cluster's promises: it runs pods, is repaired after a kill, and leaves nothing.

Not part of `make test`. It runs a second cluster, in a network namespace of its own (see
cluster.mk), so that one that is in use is left alone.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hack.cluster.leftovers import leftovers
from hack.cluster.node import GPU
from hack.cluster.paths import State, tools_dir
from hack.cluster.polling import wait_until
from hack.cluster.processes import recorded
from hack.cluster.settings import NODE_NAME, SIMULATED_GPUS

ROOT = Path(__file__).parents[2]
STATE = State.from_environment()
pytestmark = pytest.mark.timeout(1800)

# Every restriction of the strictest Pod Security level, a GPU, a volume and cluster DNS.
POD = """
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: probe}
spec: {accessModes: [ReadWriteMany], resources: {requests: {storage: 1Gi}}}
---
apiVersion: v1
kind: Service
metadata: {name: probe}
spec: {selector: {app: probe}, ports: [{port: 80, targetPort: 8080}]}
---
apiVersion: v1
kind: Pod
metadata: {name: probe, labels: {app: probe}}
spec:
  securityContext: {runAsNonRoot: true, seccompProfile: {type: RuntimeDefault}}
  containers:
    - name: probe
      image: trifocal.dev/operator:dev
      command: [python3, -c]
      args:
        - |
          import http.server, os
          os.chdir("/data")
          open("seen", "w").write("by uid 65532")
          http.server.test(http.server.SimpleHTTPRequestHandler, port=8080)
      resources: {limits: {nvidia.com/gpu: 1}}
      readinessProbe: {httpGet: {path: /, port: 8080}, periodSeconds: 1}
      securityContext:
        {allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {drop: [ALL]}}
      volumeMounts: [{name: data, mountPath: /data}]
  volumes:
    - name: data
      persistentVolumeClaim: {claimName: probe}
"""


def hack(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "hack.cluster", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def kubectl(*arguments: str, stdin: str | None = None) -> str:
    command = [str(tools_dir() / "kubectl"), f"--kubeconfig={STATE.kubeconfig}", *arguments]
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def kill(name: str) -> int:
    record = recorded(STATE, name)
    assert record is not None, f"{name} does not run"
    os.kill(record.pid, signal.SIGKILL)
    wait_until(lambda: recorded(STATE, name) is None, f"{name} outlived SIGKILL", 10)
    return record.pid


def is_serving() -> bool:
    conditions: list[dict[str, Any]] = json.loads(kubectl("get", "pod", "probe", "-ojson"))[
        "status"
    ].get("conditions", [])
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


@pytest.fixture(scope="module", autouse=True)
def _cluster() -> Iterator[None]:
    if "TRIFOCAL_CLUSTER_DIR" not in os.environ:
        pytest.skip("this would delete the default cluster; run `make cluster-test`")
    assert leftovers(STATE) == []
    try:
        for command in (["up"], ["images", "operator"]):
            done = hack(*command)
            assert done.returncode == 0, done.stderr
        yield
    finally:
        hack("down")


def test_a_locked_down_pod_with_a_gpu_and_a_volume_serves() -> None:
    kubectl("label", "namespace", "default", "pod-security.kubernetes.io/enforce=restricted")
    wait_until(
        lambda: "default" in kubectl("get", "serviceaccounts", "-oname"), "no ServiceAccount", 30
    )
    kubectl("apply", "-f", "-", stdin=POD)
    wait_until(is_serving, "the pod did not become ready", 60)
    ask = "import urllib.request as u; print(u.urlopen('http://probe.default.svc').read())"
    assert "seen" in kubectl("exec", "probe", "--", "python3", "-c", ask)
    wait_until(lambda: "GET /" in kubectl("logs", "probe"), "the pod logged no request", 10)


def test_a_running_cluster_is_left_alone() -> None:
    before = {path.name: path.read_text() for path in STATE.pids.iterdir()}
    started = time.monotonic()
    assert hack("up").returncode == 0
    assert time.monotonic() - started < 5  # noqa: PLR2004 - 0.4 on a quiet machine
    assert {path.name: path.read_text() for path in STATE.pids.iterdir()} == before


@pytest.mark.parametrize("names", [("kubelet", "containerd"), ("etcd", "kube-apiserver")])
def test_what_was_killed_is_repaired_and_the_pod_never_stopped(names: tuple[str, ...]) -> None:
    started = kubectl("get", "pod", "probe", "-ojsonpath={.status.containerStatuses}")
    for name in names:
        kill(name)
    assert hack("status").returncode != 0
    repaired = hack("up")
    assert repaired.returncode == 0, repaired.stderr
    wait_until(is_serving, "the pod is not ready again", 60)
    after = kubectl("get", "pod", "probe", "-ojsonpath={.status.containerStatuses}")
    assert [each["containerID"] for each in json.loads(after)] == [
        each["containerID"] for each in json.loads(started)
    ]
    node = json.loads(kubectl("get", "node", NODE_NAME, "-ojson"))
    assert node["status"]["allocatable"][GPU] == str(SIMULATED_GPUS)


def test_a_released_volume_is_emptied_and_freed() -> None:
    kubectl("delete", "pod/probe", "pvc/probe", "--wait=true", "--grace-period=1")
    wait_until(lambda: "Released" in kubectl("get", "pv"), "the volume did not become Released", 30)
    assert hack("up").returncode == 0
    wait_until(lambda: "Released" not in kubectl("get", "pv"), "a volume stayed Released", 30)
    assert list((STATE / "volumes").glob("*/*")) == []


def test_after_kills_nothing_is_left() -> None:
    kubectl("apply", "-f", "-", stdin=POD)
    wait_until(is_serving, "the pod did not become ready", 60)
    for name in ("kubelet", "containerd", "kube-proxy"):
        kill(name)
    assert hack("down").returncode == 0
    assert leftovers(STATE) == []
    assert hack("verify-down").returncode == 0
    assert hack("down").returncode == 0  # with nothing there, nothing to say
