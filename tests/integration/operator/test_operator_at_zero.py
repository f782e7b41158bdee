"""An idle model loses its pods, a restart leaves it alone, and a gateway's number wakes it.

There are no controllers: the test makes the pod that the Deployment asks for, as they would. The
pod's metrics and Prometheus are served on this machine, the pod's on a loopback address of its own.
"""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.support import results
from tests.support.control_plane import ControlPlane
from tests.support.manifests import Manifest, minimal
from tests.support.operator_process import OperatorProcess, operator
from tests.support.tenant import Tenant
from trifocal.api import manifest as manifests
from trifocal.resources.optimization_job import build_request, result_config_map
from trifocal.settings import Settings
from trifocal.triton.arguments import METRICS_PORT

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

POD_IP = "127.8.0.2"
SECONDS = 180
"""Idle time and hold are 30 s; the rest is for a busy machine."""
SCALING = {
    "minReplicas": 0,
    "maxReplicas": 4,
    "objective": {"latency": {"maxMilliseconds": 50}},
    "scaleDownHoldSeconds": 30,
    "wakeUp": {"idleSeconds": 30, "prometheus": {"query": "sum(gateway_waiting)"}},
}
IDLE_TRITON = """\
nv_inference_request_success{model="digits",version="1"} 7
nv_inference_exec_count{model="digits",version="1"} 7
nv_inference_pending_request_count{model="digits",version="1"} 0
"""


@contextmanager
def answering(host: str, port: int, answer: Callable[[], str]) -> Iterator[int]:
    """A server that answers everything with a text; its port."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.do_GET()

        def do_GET(self) -> None:
            body = answer().encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_args: object) -> None:
            pass

    server = ThreadingHTTPServer((host, port), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class Gateway:
    """What Prometheus says of it."""

    waiting = 0

    def answer(self) -> str:
        data = {"resultType": "vector", "result": [{"metric": {}, "value": [0, f"{self.waiting}"]}]}
        return json.dumps({"status": "success", "data": data})


class Controllers:
    """Makes what the Deployment asks for, and takes it away."""

    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant

    def deployment(self) -> Manifest | None:
        found = self._tenant.get("deployments")
        return found[0] if found else None

    def wants(self, replicas: int) -> bool:
        found = self.deployment()
        return found is not None and found["spec"]["replicas"] == replicas

    def start_pod(self) -> None:
        deployment = self.deployment()
        assert deployment is not None
        labels = deployment["spec"]["template"]["metadata"]["labels"]
        replica_set = self._owned("ReplicaSet", "apps/v1", deployment, labels)
        replica_set["spec"] = {key: deployment["spec"][key] for key in ("selector", "template")}
        self._tenant.create(replica_set)
        (made,) = self._tenant.get("replicasets")
        pod = self._owned("Pod", "v1", made, labels)
        pod["spec"] = {
            "automountServiceAccountToken": False,
            "containers": [{"name": "triton", "image": "triton"}],
        }
        self._tenant.create(pod)
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        ready = {"type": "Ready", "status": "True", "lastTransitionTime": now}
        status = {
            "phase": "Running",
            "podIP": POD_IP,
            "podIPs": [{"ip": POD_IP}],
            "conditions": [ready],
        }
        self._tenant.set_status("pod", "one", status)

    def stop_pods(self) -> None:
        self._tenant.run("delete", "pods,replicasets", "--all", "--force", "--wait=false")

    @staticmethod
    def _owned(
        kind: str, version: str, owner: Manifest, labels: Mapping[str, str]
    ) -> dict[str, Any]:
        reference = {key: owner["metadata"][key] for key in ("name", "uid")}
        reference |= {"apiVersion": "apps/v1", "kind": owner["kind"], "controller": True}
        metadata = {"name": "one", "labels": labels, "ownerReferences": [reference]}
        return {"apiVersion": version, "kind": kind, "metadata": metadata}


def deploy_optimized(tenant: Tenant) -> None:
    """A ModelDeployment whose optimization is done already, without a recorded answer."""
    body = minimal(namespace=tenant.namespace)
    body["spec"]["scaling"] = SCALING
    tenant.create({**body, "spec": {**body["spec"], "suspend": True}})
    (live,) = tenant.get("mdep")
    md = manifests.parse(live)
    digest = build_request(md, Settings()).digest()
    found = results.artifact().model_copy(update={"request": digest, "smoke": None})
    tenant.create(dict(result_config_map(md, digest, found)))
    tenant.run("patch", "mdep", "digits", "--type=merge", "-p", '{"spec":{"suspend":false}}')


@contextmanager
def running(plane: ControlPlane, prometheus: int) -> Iterator[OperatorProcess]:
    with operator(
        plane.kubeconfig,
        scrape_seconds="1",
        wake_up_queries="true",
        prometheus_url=f"http://127.0.0.1:{prometheus}",
    ) as process:
        yield process.wait_until_leading()


def sleeps(tenant: Tenant) -> bool:
    (found,) = tenant.get("mdep")
    return tenant.reports("Ready", "ScaledToZero") and found["status"]["replicas"] == 0


def test_to_zero_over_a_restart_and_back(plane: ControlPlane, tenant: Tenant) -> None:
    gateway, controllers = Gateway(), Controllers(tenant)
    with (
        answering(POD_IP, METRICS_PORT, lambda: IDLE_TRITON),
        answering("127.0.0.1", 0, gateway.answer) as prometheus,
    ):
        with running(plane, prometheus) as first:
            deploy_optimized(tenant)
            assert tenant.eventually(lambda: controllers.wants(1), SECONDS), first.log()
            controllers.start_pod()
            assert tenant.eventually(lambda: tenant.reports("Ready", "Ready"), SECONDS)
            assert tenant.eventually(lambda: controllers.wants(0), SECONDS), first.log()
            controllers.stop_pods()
            assert tenant.eventually(lambda: sleeps(tenant), SECONDS), first.log()
            assert first.terminate() == 0
        (asleep,) = tenant.get("mdep")
        since = plane.audit_position()
        with running(plane, prometheus) as second:
            passes = "trifocal_scaling_pass_seconds_count"
            assert tenant.eventually(lambda: second.metrics().get(passes, 0) >= 5, SECONDS)
            assert tenant.get("mdep") == [asleep]
            gateway.waiting = 3
            assert tenant.eventually(lambda: controllers.wants(1), SECONDS), second.log()
            assert tenant.eventually(lambda: tenant.reports("Ready", "Waking"), SECONDS)
            controllers.start_pod()
            assert tenant.eventually(lambda: tenant.reports("Ready", "Ready"), SECONDS)
    changes = tenant.get("mdep")[0]["status"]["scaling"]["changes"]
    assert [change["replicas"] for change in changes] == [1, 0, 1]
    resized = [w for w in plane.audit_writes(since) if w.resource == "deployments"]
    assert len([w for w in resized if w.namespace == tenant.namespace]) == 1
