"""`trifocal operator`: the command. Wiring only; every part is made elsewhere."""

import asyncio
import gc
import signal
import sys
import time
from contextlib import AsyncExitStack

import click
import structlog

from trifocal.autoscaling.scraper import open_session
from trifocal.cli.operator import wall_clock
from trifocal.cli.operator.process import Process
from trifocal.kube.access import find_access
from trifocal.kube.client import Kube
from trifocal.kube.cluster import Cluster
from trifocal.kube.fence import Fence
from trifocal.kube.lease import LEASE_NAME, Clock, Election
from trifocal.kube.limiter import TokenBucket
from trifocal.probes import probes_served
from trifocal.settings import Settings
from trifocal.telemetry import Metrics, configure_logging, exposition, served

LEASE_QPS = 2.0
LEASE_BURST = 4
"""Of the lease's own client: a read and a write every 2 s."""

_log = structlog.get_logger(__name__)


@click.command()
def operator() -> None:
    """Run the operator.

    Settings come from TRIFOCAL_* variables, the cluster from KUBECONFIG or the pod's
    ServiceAccount.
    """
    settings = Settings()
    configure_logging(settings.log_level)
    _leave_modules_alone()
    sys.exit(asyncio.run(run(settings)))


def _leave_modules_alone() -> None:
    """Take what was imported out of garbage collections.

    Each full one looked at all classes and functions again, half a million objects that stay to the
    end, and no thread runs meanwhile.
    """
    gc.collect()
    gc.freeze()


async def run(settings: Settings) -> int:
    """Run until SIGTERM (0), or until this process must not go on (1)."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    access = await find_access(time.monotonic)
    metrics = Metrics()
    async with AsyncExitStack() as stack:
        # A client of its own: neither the workers' rate nor a Retry-After delays a renewal.
        bucket = TokenBucket(qps=LEASE_QPS, burst=LEASE_BURST, clock=time.monotonic)
        own = await stack.enter_async_context(Cluster(access, bucket, metrics.wrote))
        election = _election(own, settings)
        bucket = TokenBucket(qps=settings.kube_qps, burst=settings.kube_burst, clock=time.monotonic)
        fenced = Cluster(access, bucket, metrics.wrote, Fence(election.held))
        kube = await stack.enter_async_context(fenced)
        session = await stack.enter_async_context(open_session())
        process = Process(settings, kube, election, metrics, access, session)
        stack.enter_context(probes_served(process.vitals, settings.probes_port))
        app = exposition(metrics.registry)
        await stack.enter_async_context(served(app, settings.metrics_port))
        return await _until_end(process, stop)


def _election(kube: Kube, settings: Settings) -> Election:
    return Election(
        kube,
        lease=(settings.namespace, LEASE_NAME),
        identity=settings.pod_name,
        clock=Clock(monotonic=time.monotonic, wall=wall_clock.now),
    )


async def _until_end(process: Process, stop: asyncio.Event) -> int:
    life = asyncio.create_task(process.live())
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({life, stopping}, return_when=asyncio.FIRST_COMPLETED)
    if life.done():
        stopping.cancel()
        _log.error("the operator cannot go on", exc_info=life.exception())
        return 1
    _log.info("stopping")
    await process.stop()
    life.cancel()
    await asyncio.wait({life})
    return 0
