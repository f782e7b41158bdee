"""The operator's first pass beside the bare prototype: one API server, and nobody else who writes.

Both hear of an object, apply its children and write its status. The prototype applies three
children, the operator six, beside an event and a question for the ServiceAccount. Its Jobs never
start here, for there are no controllers.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.reconcile import objects
from benchmarks.reconcile.client import Client
from benchmarks.reconcile.cluster import api_server
from benchmarks.reconcile.meter import Meter
from benchmarks.reconcile.rows import Row
from benchmarks.reconcile.steps import create, is_observed
from benchmarks.reconcile.writes import PROTOTYPE
from hack.cluster.polling import becomes_true
from tests.support.control_plane import ControlPlane
from tests.support.operator_process import operator

FIRST_PASS = "first-pass"  # noqa: S105 - no password
_START_SECONDS = 60.0


async def of_the_operator(size: int, settings: dict[str, str]) -> Row:
    """Create so many objects before a running operator."""
    with api_server() as plane, operator(plane.kubeconfig, **settings) as running:
        running.wait_until_leading()
        meter = Meter(plane, lambda: running.process.pid, size, running.metrics)
        return await _burst(plane, meter, size)


async def of_the_prototype(size: int) -> Row:
    """The same before the prototype."""
    with api_server() as plane, _prototype(plane) as process:
        meter = Meter(plane, lambda: process.pid, size, program=PROTOTYPE)
        return await _burst(plane, meter, size)


async def _burst(plane: ControlPlane, meter: Meter, size: int) -> Row:
    async with Client.of(plane) as client:
        mark = meter.start()
        await create(client, objects.addresses(size), is_observed)
        return await meter.finish(FIRST_PASS, mark, size)


@contextmanager
def _prototype(plane: ControlPlane) -> Iterator["subprocess.Popen[bytes]"]:
    log = plane.root / "prototype.log"
    command = [sys.executable, "-m", "benchmarks.reconcile.prototype"]
    environment = {**os.environ, "KUBECONFIG": str(plane.kubeconfig)}
    with log.open("wb") as out:
        process = subprocess.Popen(  # noqa: S603 - ourselves
            command, env=environment, stdout=out, stderr=out
        )
    try:
        if not becomes_true(lambda: _watches(plane), _START_SECONDS):
            raise RuntimeError(f"The prototype does not watch: {log.read_text()}")
        yield process
    finally:
        process.kill()
        process.wait()


def _watches(plane: ControlPlane) -> bool:
    """Whether it has listed ModelDeployments: the watch is next."""
    return any(
        each.resource == "modeldeployments" and each.verb == "list" and each.user_agent
        for each in plane.audit.requests()
        if "kubectl" not in each.user_agent
    )
