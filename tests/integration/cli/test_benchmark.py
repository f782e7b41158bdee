"""`kubectl trifocal benchmark` against a real Triton, behind a real API server's port-forward.

The kubelet is played (see `kubelet`), for a real one needs a node.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.cli.conftest import Plugin
from tests.integration.cli.kubelet import kubelet, node
from tests.integration.cli.made import (
    deploy_optimized,
    grant,
    has_revision,
    serving,
    start_pod,
    wanted,
)
from tests.integration.triton import real_server
from tests.integration.triton.real_server import RunningTriton
from tests.integration.triton.small_model import IMAGE, write_model, write_repository
from tests.support.manifests import Manifest, minimal
from tests.support.operator_process import OperatorProcess
from tests.support.tenant import Tenant
from trifocal.cli.check.checking import rights_to_use
from trifocal.triton.arguments import GRPC_PORT, HTTP_PORT, server_arguments

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

OBJECTIVE = {"latency": {"percentile": 50, "maxMilliseconds": 30_000}}
"""One that any machine keeps."""


@pytest.fixture(scope="module", name="triton")
def _triton(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningTriton]:
    """A served model named as the ModelDeployment, with a serving pod's arguments."""
    folder = tmp_path_factory.mktemp("served")
    write_model(folder / "model.onnx")
    repository = write_repository(folder / "models", folder / "model.onnx", name="digits")
    arguments = server_arguments(IMAGE, restricted_key="0123456789abcdef")
    with real_server.running(real_server.install(), repository, arguments) as server:
        yield server


def scaled(namespace: str) -> Manifest:
    body = minimal(namespace=namespace)
    scaling = {"minReplicas": 1, "maxReplicas": 1, "objective": OBJECTIVE}
    return {**body, "spec": {**body["spec"], "scaling": scaling}}


def measured(done: Any) -> dict[str, Any]:
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


@pytest.mark.parametrize("protocol", ["http", "grpc"])
def test_every_request_is_answered_and_the_objective_is_judged(
    tenant: Tenant, trifocal: Plugin, triton: RunningTriton, protocol: str
) -> None:
    tenant.create(scaled(tenant.namespace))
    address = triton.http if protocol == "http" else triton.grpc
    load = f"--rate 20 --seconds 2 --arrivals constant --protocol {protocol}"
    before = triton.samples("digits").success
    found = measured(trifocal(f"benchmark digits --address {address} {load} -o json"))
    summary = found["summary"]
    assert (summary["requests"], summary["failed"]) == (40, 0)
    # One more, to see whether it answers at all.
    assert triton.samples("digits", before + 41).success == before + 41
    latency = summary["latency_milliseconds"]
    assert 0 < latency["p50"] <= latency["p95"] <= latency["p99"]
    assert summary["objective"]["verdict"] == "holds"
    assert found["inputs"] == "random, of the declared shape"
    assert found["way_milliseconds"] > 0


def test_pods_are_reached_through_the_api_server(
    tenant: Tenant, leader: OperatorProcess, trifocal: Plugin, triton: RunningTriton
) -> None:
    deploy_optimized(tenant)
    assert tenant.eventually(lambda: has_revision(tenant)), leader.log()
    none = trifocal("benchmark digits")
    assert none.returncode == 3
    assert "No pod of digits serves" in none.stderr
    certificate, key = tenant.plane.authority, tenant.plane.root / "apiserver.key"
    ports = {HTTP_PORT: triton.http_port, GRPC_PORT: triton.grpc_port}
    name = f"node-{tenant.namespace}"
    with kubelet(certificate, key, ports) as port, node(tenant, name, port):
        revision = wanted(tenant)
        assert revision is not None
        start_pod(tenant, revision, name)
        assert tenant.eventually(lambda: serving(tenant) == revision), leader.log()
        for protocol in ("http", "grpc"):
            load = f"--rate 20 --seconds 2 --arrivals constant --protocol {protocol}"
            done = trifocal(f"benchmark digits {load} -o json")
            found = measured(done)
            assert (found["pods"], found["summary"]["failed"]) == (1, 0)
            assert found["summary"]["requests"] == 40
            assert found["summary"]["objective"]["verdict"] == "not set"
            assert "went through the API server and a kubelet" in done.stderr


def test_whoever_may_not_forward_ports_is_told(
    tenant: Tenant, leader: OperatorProcess, trifocal: Plugin, tmp_path: Path
) -> None:
    deploy_optimized(tenant)
    assert tenant.eventually(lambda: has_revision(tenant)), leader.log()
    revision = wanted(tenant)
    assert revision is not None
    start_pod(tenant, revision)
    assert tenant.eventually(lambda: serving(tenant) == revision), leader.log()
    grant(tenant, rights_to_use(tenant.namespace))
    token = tenant.run("create", "token", "default").strip()
    kubeconfig = tmp_path / "config"
    kubeconfig.write_text(json.dumps(tenant.plane.kubeconfig_for(token)))
    done = trifocal(f"benchmark digits --kubeconfig {kubeconfig}")
    assert done.returncode == 3
    assert "The API server refuses the port-forward (403" in done.stderr


def test_a_rate_that_others_would_feel_needs_a_flag(trifocal: Plugin) -> None:
    done = trifocal("benchmark digits --rate 5000")
    assert done.returncode == 3
    assert "say --max-rate 5000" in done.stderr
    nothing = trifocal("benchmark digits --rate 0.01 --seconds 1 --arrivals constant")
    assert nothing.returncode == 3
    assert "No request would be sent in this time" in nothing.stderr


def test_where_nothing_answers_it_says_so(tenant: Tenant, trifocal: Plugin) -> None:
    tenant.create(minimal(namespace=tenant.namespace))
    done = trifocal("benchmark digits --address 127.0.0.1:1")
    assert done.returncode == 3
    assert "The first request failed: ClientConnectorError" in done.stderr
