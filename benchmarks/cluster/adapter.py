"""An external metrics API for the HPA: requests per second as a gateway with Prometheus knows them.

kube-controller-manager asks the API server, which asks this, over TLS and with its own proxy's
certificate, as it would KEDA's metrics server or prometheus-adapter.
"""

import asyncio
import base64
import ssl
import subprocess
import tempfile
from bisect import bisect_left
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aiohttp import web

from hack.cluster.paths import State
from hack.cluster.settings import NODE_IP
from tests.e2e.cluster import Cluster, eventually

GROUP, VERSION = "external.metrics.k8s.io", "v1beta1"
METRIC = "requests-per-second"
LABEL = "model"
SERVICE = "benchmark-metrics"
PORT = 17443
WINDOW_SECONDS = 60.0
"""The usual `rate(...[1m])`."""
SCRAPE_SECONDS = 15.0
"""Prometheus' usual interval: nothing newer than the last multiple of it is known."""


@dataclass(kw_only=True)
class Gateway:
    """Counts requests when they come."""

    clock: Callable[[], float]
    """Seconds since the load began."""
    came: list[float] = field(default_factory=list)

    def count(self) -> None:
        """A request comes now."""
        self.came.append(self.clock())

    def requests_per_second(self) -> float:
        """Over the last minute that has been scraped; 0 before the first scrape."""
        until = self.clock() // SCRAPE_SECONDS * SCRAPE_SECONDS
        since = max(until - WINDOW_SECONDS, 0.0)
        if until <= since:
            return 0.0
        return (bisect_left(self.came, until) - bisect_left(self.came, since)) / (until - since)


@asynccontextmanager
async def served(
    cluster: Cluster, namespace: str, gateways: Mapping[str, Gateway]
) -> AsyncIterator[None]:
    """The metrics of the gateways, by model, as an API of the cluster until the block ends."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _make_certificate(folder, namespace)
        runner = web.AppRunner(_application(gateways), access_log=None)
        await runner.setup()
        await web.TCPSite(runner, NODE_IP, PORT, ssl_context=_tls(folder)).start()
        try:
            await asyncio.to_thread(_register, cluster, namespace, folder / "tls.crt")
            yield
        finally:
            await asyncio.to_thread(
                cluster.kubectl, "delete", "apiservice", f"{VERSION}.{GROUP}", "--ignore-not-found"
            )
            await runner.cleanup()


def _application(gateways: Mapping[str, Gateway]) -> web.Application:
    async def resources(_request: web.Request) -> web.Response:
        one = {"name": METRIC, "singularName": "", "namespaced": True, "verbs": ["get"]}
        return web.json_response(
            {
                "kind": "APIResourceList",
                "apiVersion": "v1",
                "groupVersion": f"{GROUP}/{VERSION}",
                "resources": [{**one, "kind": "ExternalMetricValueList"}],
            }
        )

    async def values(request: web.Request) -> web.Response:
        label, _, model = request.query.get("labelSelector", "").partition("=")
        if request.match_info["metric"] != METRIC or label != LABEL or model not in gateways:
            raise web.HTTPNotFound
        return web.json_response(_value_list(model, gateways[model].requests_per_second()))

    application = web.Application()
    root = f"/apis/{GROUP}/{VERSION}"
    application.router.add_get(root, resources)
    application.router.add_get(f"{root}/namespaces/{{namespace}}/{{metric}}", values)
    return application


def _value_list(model: str, value: float) -> dict[str, Any]:
    return {
        "kind": "ExternalMetricValueList",
        "apiVersion": f"{GROUP}/{VERSION}",
        "metadata": {},
        "items": [
            {
                "metricName": METRIC,
                "metricLabels": {LABEL: model},
                "timestamp": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
                "value": f"{round(value * 1000)}m",
            }
        ],
    }


def _make_certificate(folder: Path, namespace: str) -> None:
    name = f"{SERVICE}.{namespace}.svc"
    subprocess.run(  # noqa: S603 - our own words
        [
            *("openssl", "req", "-x509", "-nodes", "-days", "1", "-subj", f"/CN={name}"),
            *("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-addext", f"subjectAltName=DNS:{name}"),
            *("-keyout", folder / "tls.key", "-out", folder / "tls.crt"),
        ],
        check=True,
        capture_output=True,
    )


def _tls(folder: Path) -> ssl.SSLContext:
    """Only the API server's proxy may ask: it has authenticated whoever asked it."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "tls.crt", folder / "tls.key")
    context.load_verify_locations(State.from_environment().pki / "front-proxy-ca.crt")
    context.verify_mode = ssl.CERT_REQUIRED
    return context


def _register(cluster: Cluster, namespace: str, certificate: Path) -> None:
    """A Service that leads to this process, and the API behind it."""
    meta = {"name": SERVICE, "namespace": namespace}
    port = {"name": "https", "protocol": "TCP"}
    cluster.apply(
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": meta,
            "spec": {"ports": [{**port, "port": 443, "targetPort": PORT}]},
        }
    )
    cluster.apply(
        {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {**meta, "labels": {"kubernetes.io/service-name": SERVICE}},
            "addressType": "IPv4",
            "ports": [{**port, "port": PORT}],
            "endpoints": [{"addresses": [NODE_IP], "conditions": {"ready": True}}],
        }
    )
    cluster.apply(
        {
            "apiVersion": "apiregistration.k8s.io/v1",
            "kind": "APIService",
            "metadata": {"name": f"{VERSION}.{GROUP}"},
            "spec": {
                "group": GROUP,
                "version": VERSION,
                "groupPriorityMinimum": 100,
                "versionPriority": 100,
                "service": {**meta, "port": 443},
                "caBundle": base64.b64encode(certificate.read_bytes()).decode(),
            },
        }
    )
    eventually(
        lambda: cluster.get("apiservice", f"{VERSION}.{GROUP}").get("status", {}),
        lambda status: any(
            one["type"] == "Available" and one["status"] == "True"
            for one in status.get("conditions", ())
        ),
        seconds=60,
        what="the external metrics API",
    )
