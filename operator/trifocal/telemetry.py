"""What operators of the operator see: JSON logs and Prometheus metrics."""

import logging
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import structlog
from aiohttp import web
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.gc_collector import GCCollector
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

PASS_BUCKETS = (0.001, 0.005, 0.02, 0.1, 0.5, 2.0, 10.0, 30.0)
"""Seconds: a no-op pass takes under 1 ms, a first one waits for its writes, smoke for an engine."""

LAG_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)
"""Seconds: a quarter is what may not be exceeded, 30 s is a failed liveness probe."""

_QUIET = {
    "kopf.objects": logging.WARNING,
    "kopf.activities": logging.WARNING,
    # Warns at every start that it leaves signals alone, which is what we want of it.
    "kopf._core.reactor.running": logging.ERROR,
}
"""Least level of loggers that speak for every event, or of what is meant to be so."""


def configure_logging(level: str) -> None:
    """One JSON object a line on standard output, our logs and the libraries' alike."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for name, least in _QUIET.items():
        logging.getLogger(name).setLevel(least)


class Metrics:
    """The operator's own metrics, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        GCCollector(registry=self.registry)
        self._passes = Histogram(
            "trifocal_reconcile_seconds",
            "Duration of one pass over one ModelDeployment.",
            ["outcome"],
            buckets=PASS_BUCKETS,
            registry=self.registry,
        )
        self._writes = Counter(
            "trifocal_api_writes",
            "Writes to the API server.",
            ["kind", "verb", "outcome"],
            registry=self.registry,
        )
        self._events = Counter(
            "trifocal_watch_events",
            "Watch events received, listed objects included.",
            ["kind"],
            registry=self.registry,
        )
        self._event_time = Gauge(
            "trifocal_watch_last_event_timestamp_seconds",
            "When the last watch event of the kind came.",
            ["kind"],
            registry=self.registry,
        )

        self._lag = Histogram(
            "trifocal_event_loop_lag_seconds",
            "How late the event loop woke up, four times a second.",
            buckets=LAG_BUCKETS,
            registry=self.registry,
        )

    def passed(self, outcome: str, seconds: float) -> None:
        """A pass ended: ok, refused, transient or error."""
        self._passes.labels(outcome).observe(seconds)

    def wrote(self, kind: str, verb: str, outcome: str) -> None:
        """A write was answered."""
        self._writes.labels(kind, verb, outcome).inc()

    def seen(self, kind: str) -> None:
        """A watch event came."""
        self._events.labels(kind).inc()
        self._event_time.labels(kind).set_to_current_time()

    def woke_late_by(self, seconds: float) -> None:
        """The event loop came back from a sleep."""
        self._lag.observe(seconds)

    def gauge(self, name: str, text: str, value: Callable[[], float]) -> None:
        """A gauge that is read when it is scraped."""
        Gauge(name, text, registry=self.registry).set_function(value)


def exposition(registry: CollectorRegistry) -> web.Application:
    """`/metrics` in Prometheus' text format."""

    async def handler(_: web.Request) -> web.Response:
        headers = {"Content-Type": CONTENT_TYPE_LATEST}
        return web.Response(body=generate_latest(registry), headers=headers)

    app = web.Application()
    app.router.add_get("/metrics", handler)
    return app


@asynccontextmanager
async def served(app: web.Application, port: int, *, host: str | None = None) -> AsyncIterator[int]:
    """Serve the application; yields the port.

    Args:
        app: what to serve.
        port: 0 lets the system choose, which needs a host: it chooses one for each address.
        host: an address of this machine; None for all, IPv4 and IPv6.
    """
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        await site.start()
        yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()
