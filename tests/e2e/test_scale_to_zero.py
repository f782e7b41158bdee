"""Nobody asks: no pod. A gateway's number says that somebody waits: a pod, and the right answer.

The gateway and the Prometheus that scrapes it are one small server in the cluster, which answers
every query with the number in a file; the operator, the pods and the model are real.
"""

import time
from collections.abc import Iterator

import numpy as np
import pytest

from tests.e2e.answers import infer
from tests.e2e.cluster import RELEASE, ROOT, SYSTEM, Cluster, eventually, restricted_pod, tool
from tests.e2e.workload import Workload
from tests.support.quadrants import SIZE

PROMETHEUS = "gateway-and-prometheus"
PORT = 9090
IDLE = 30
NUMBER = "/numbers/waiting"
SERVER = f"""
import http.server, json, pathlib
class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        number = pathlib.Path({NUMBER!r}).read_text().strip()
        result = [{{"metric": {{}}, "value": [0, number]}}]
        data = {{"resultType": "vector", "result": result}}
        body = json.dumps({{"status": "success", "data": data}}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
pathlib.Path({NUMBER!r}).write_text("0")
http.server.ThreadingHTTPServer(("", {PORT}), Handler).serve_forever()
"""
SCALING = {
    "minReplicas": 0,
    "maxReplicas": 2,
    "objective": {"latency": {"maxMilliseconds": 1000}},
    "scaleDownHoldSeconds": IDLE,
    "wakeUp": {"idleSeconds": IDLE, "prometheus": {"query": "sum(gateway_requests_waiting)"}},
}


class Gateway:
    """What the wake-up query gives."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self._cluster = cluster
        self._namespace = namespace

    def holds(self, requests: int) -> None:
        """From now on."""
        self._cluster.kubectl(
            "exec", PROMETHEUS, "-n", self._namespace, "--",
            "sh", "-c", f"echo {requests} > {NUMBER}",
        )  # fmt: skip


@pytest.fixture
def gateway(workload: Workload) -> Iterator[Gateway]:
    """In the tests' namespace; the operator asks it until the test ends."""
    cluster, namespace = workload.cluster, workload.namespace
    labels = {"app": PROMETHEUS}
    pod = restricted_pod(
        namespace,
        PROMETHEUS,
        command=["python", "-c", SERVER],
        volume={"emptyDir": {}},
        mount="/numbers",
    )
    pod["metadata"]["labels"] = labels
    cluster.apply(pod)
    cluster.apply(
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": PROMETHEUS, "namespace": namespace},
            "spec": {"selector": labels, "ports": [{"port": PORT}]},
        }
    )
    cluster.kubectl(
        "wait", f"pod/{PROMETHEUS}", "-n", namespace, "--for=condition=Ready", "--timeout=60s"
    )
    _allow_queries(cluster, f"http://{PROMETHEUS}.{namespace}.svc:{PORT}")
    yield Gateway(cluster, namespace)
    cluster.install_chart(ROOT / "charts" / "trifocal")
    cluster.kubectl("delete", f"pod/{PROMETHEUS}", f"service/{PROMETHEUS}", "-n", namespace)


def _allow_queries(cluster: Cluster, url: str) -> None:
    cluster.run(
        tool("helm"), "upgrade", RELEASE, str(ROOT / "charts" / "trifocal"), "--namespace", SYSTEM,
        "--reuse-values", "--set", f"prometheus.url={url}", "--set", "wakeUp.queries=true",
        "--wait", "--timeout", "120s",
    )  # fmt: skip


def _restart_operator(cluster: Cluster) -> None:
    cluster.kubectl("rollout", "restart", "deployment/trifocal-operator", "-n", SYSTEM)
    cluster.kubectl(
        "rollout", "status", "deployment/trifocal-operator", "-n", SYSTEM, "--timeout=120s"
    )


def _pods(workload: Workload, name: str) -> int:
    selector = workload.get(name)["status"]["selector"]
    return len(workload.cluster.get("pods", "-n", workload.namespace, "-l", selector)["items"])


def _scores(workload: Workload, name: str) -> list[float]:
    """Of one grey picture."""
    grey = np.full((1, 3, SIZE, SIZE), 0.5, dtype=np.float32)
    return [float(score) for score in infer(workload, name, grey)[0]]


@pytest.mark.timeout(900)
def test_idle_to_no_pods_over_a_restart_and_awake_again(
    workload: Workload, gateway: Gateway
) -> None:
    workload.apply("sleeper", {"scaling": SCALING})
    workload.wait("sleeper", "Ready", reason="Ready")
    before = _scores(workload, "sleeper")

    asleep = workload.wait("sleeper", "Ready", reason="ScaledToZero", seconds=IDLE + 120)
    assert "no pod runs" in asleep["message"]
    assert "s to start." in asleep["message"]
    eventually(lambda: _pods(workload, "sleeper"), lambda n: n == 0, seconds=90, what="no pods")

    _restart_operator(workload.cluster)
    status = workload.get("sleeper")["status"]
    time.sleep(20)  # four passes of the new scaler
    assert workload.get("sleeper")["status"] == status
    assert _pods(workload, "sleeper") == 0

    gateway.holds(1)
    workload.wait("sleeper", "Ready", reason="Ready", seconds=120)
    assert _scores(workload, "sleeper") == pytest.approx(before, abs=1e-5)
    gateway.holds(0)
    reasons = [c["reason"] for c in workload.get("sleeper")["status"]["scaling"]["changes"]]
    assert reasons[:2] == ["Waking", "ScaledToZero"]


@pytest.mark.timeout(900)
@pytest.mark.usefixtures("gateway")
def test_a_new_revision_proves_itself_while_nobody_asks(workload: Workload) -> None:
    workload.apply("sleeper", {"scaling": SCALING})
    workload.wait("sleeper", "Ready", reason="ScaledToZero", seconds=300)
    before = workload.get("sleeper")["status"]["revision"]["serving"]
    workload.apply("sleeper", {"scaling": SCALING, "serving": {"instances": 2}})
    eventually(
        lambda: workload.get("sleeper")["status"]["revision"]["serving"],
        lambda serving: serving != before,
        seconds=150,
        what="the traffic's move to the new revision",
    )
    workload.wait("sleeper", "Ready", reason="ScaledToZero", seconds=IDLE + 120)
