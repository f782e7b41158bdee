"""One of two serving pods goes away under constant load, as a deleted pod does.

It leaves the Service, waits for its preStop pause, gets SIGTERM, and exits.
"""

import contextlib
import signal
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.integration.triton import real_server
from tests.integration.triton.balancer import Balancer, balanced
from tests.integration.triton.clients import CLIENTS, Tally
from tests.integration.triton.nginx import front_before
from tests.integration.triton.real_server import Installation, RunningTriton
from tests.integration.triton.small_model import NAME


@dataclass(frozen=True, kw_only=True)
class Departure:
    """How the pod goes, and who is there meanwhile."""

    arguments: Sequence[str]
    """Of both servers."""
    fronted: bool
    """HTTP clients come through the front."""
    pre_stop_seconds: float
    connections: int = 4
    """Of each kind of client, shared out over both servers."""
    before_seconds: float = 3.0
    after_seconds: float = 2.0
    exit_seconds: float = 60.0


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What happened to one kind of client."""

    answered: int
    failures: Sequence[tuple[float, str]]
    """(seconds after the pod left the Service, message)."""
    slowest_seconds: float
    pinned: int
    """Connections to the pod when it left the Service."""
    left: int
    """Of them when it got SIGTERM."""


@dataclass(frozen=True, kw_only=True)
class Report:
    """What happened."""

    outcomes: Mapping[str, Outcome]
    """By kind of client."""
    exit_code: int
    exit_seconds: float
    """From SIGTERM."""


def depart(departure: Departure, installation: Installation, repository: Path) -> Report:
    """Carry it out."""
    with contextlib.ExitStack() as stack:
        servers = [
            stack.enter_context(real_server.running(installation, repository, departure.arguments))
            for _ in range(2)
        ]
        ports = [
            stack.enter_context(front_before(s.http_port, NAME, repository.parent))
            if departure.fronted
            else s.http_port
            for s in servers
        ]
        http = stack.enter_context(balanced(ports))
        grpc = stack.enter_context(balanced([s.grpc_port for s in servers]))
        services = {kind: grpc if kind == "grpc" else http for kind in CLIENTS}
        load = stack.enter_context(_load(services, departure.connections))
        time.sleep(departure.before_seconds)
        return _let_go(departure, servers[0], {http: ports[0], grpc: servers[0].grpc_port}, load)


@dataclass(frozen=True)
class _Load:
    services: Mapping[str, Balancer]
    tallies: Mapping[str, Sequence[Tally]]
    stop: threading.Event
    threads: Sequence[threading.Thread]

    def end(self) -> None:
        self.stop.set()
        for thread in self.threads:
            thread.join(timeout=30)


@contextlib.contextmanager
def _load(services: Mapping[str, Balancer], connections: int) -> Iterator[_Load]:
    stop = threading.Event()
    tallies = {kind: [Tally() for _ in range(connections)] for kind in services}
    threads = [
        threading.Thread(target=CLIENTS[kind], args=(services[kind].address, stop, tally))
        for kind, each in tallies.items()
        for tally in each
    ]
    for thread in threads:
        thread.start()
    load = _Load(services, tallies, stop, threads)
    try:
        yield load
    finally:
        load.end()


def _let_go(
    departure: Departure, server: RunningTriton, backends: Mapping[Balancer, int], load: _Load
) -> Report:
    begin = time.monotonic()
    pinned = {service: service.connections[port] for service, port in backends.items()}
    for service, port in backends.items():
        service.backends.remove(port)
    time.sleep(departure.pre_stop_seconds)
    left = {service: service.connections[port] for service, port in backends.items()}
    terminated = time.monotonic()
    server.process.send_signal(signal.SIGTERM)
    code = server.process.wait(timeout=departure.exit_seconds)
    exited = time.monotonic()
    time.sleep(departure.after_seconds)
    load.end()
    outcomes = {}
    for kind, tallies in load.tallies.items():
        failures = sorted((at - begin, text) for t in tallies for at, text in t.failures)
        outcomes[kind] = Outcome(
            answered=sum(t.answered for t in tallies),
            failures=failures,
            slowest_seconds=max(t.slowest_seconds for t in tallies),
            pinned=pinned[load.services[kind]],
            left=left[load.services[kind]],
        )
    return Report(outcomes=outcomes, exit_code=code, exit_seconds=exited - terminated)
