"""How long a write waits when the operator that leads goes away, or the API server does.

Two operators as processes, a real API server and etcd. Each time the Service of a ModelDeployment
is deleted right after the event, and what is measured ends when it exists again:

    python -m benchmarks.failover --times 5 --outage 300
"""

import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

import click

from hack.cluster.polling import becomes_true
from tests.support.control_plane import ControlPlane, control_plane
from tests.support.operator_process import OperatorProcess
from tests.support.tenant import FIRST_CHILDREN, Tenant

SETTLE_SECONDS = 120
"""Until operators have started and written: only longer on a busy machine. What is waited for is
looked at four times a second, so that no figure is too small, and each up to 0.25 s too large."""
OPERATORS = 2
KILLED_GOAL, STOPPED_GOAL, RETURN_GOAL = 20.0, 3.0, 10.0
"""Seconds; what users are promised."""


@dataclass(frozen=True)
class Measured:
    """One event, made several times."""

    name: str
    goal: float
    seconds: tuple[float, ...]

    def line(self) -> str:
        """As printed."""
        runs = " ".join(f"{s:5.2f}" for s in self.seconds)
        verdict = "met" if max(self.seconds) <= self.goal else "MISSED"
        return (
            f"{self.name:<44} {runs}   worst {max(self.seconds):5.2f} s   "
            f"goal {self.goal:g} s {verdict}"
        )


class Pair:
    """Two operators, of which one leads; whoever ended can be replaced."""

    def __init__(self, plane: ControlPlane, folder: Path) -> None:
        self._plane = plane
        self._folder = folder
        self._started = 0
        self.alive: list[OperatorProcess] = []
        self.complete()

    def complete(self) -> None:
        """Start what is missing and wait until one leads and the other could."""
        self.alive = [p for p in self.alive if p.process.poll() is None]
        while len(self.alive) < OPERATORS:
            self._started += 1
            name = f"operator-{self._started}"
            self.alive.append(OperatorProcess(self._plane.kubeconfig, name, self._folder))
        _must(self.is_ready, "two operators are ready and one leads")

    def is_ready(self) -> bool:
        """Whether one leads and the other could."""
        leading = [p.leads() for p in self.alive]
        return sum(leading) == 1 and all(p.probe("/readyz") == HTTPStatus.OK for p in self.alive)

    def leader(self) -> OperatorProcess:
        """The one that leads."""
        return next(p for p in self.alive if p.leads())

    def end(self) -> None:
        """End both in good order: a lease that nobody gave back is another measurement."""
        for process in self.alive:
            process.terminate()


def repaired_after(tenant: Tenant, since: float) -> float:
    """Delete the Service now; seconds from `since` until somebody has made it again."""
    path = f"/api/v1/namespaces/{tenant.namespace}/services/digits"
    _, deleted = tenant.plane.request("DELETE", path)
    uid = deleted.get("details", {}).get("uid") or deleted["metadata"]["uid"]

    def is_new() -> bool:
        status, found = tenant.plane.request("GET", path)
        return status == HTTPStatus.OK and found["metadata"]["uid"] != uid

    _must(is_new, "the Service exists again")
    return time.monotonic() - since


def after_signal(pair: Pair, tenant: Tenant, number: signal.Signals) -> float:
    """Seconds from a signal to the leader until its successor has written."""
    leader = pair.leader()
    signalled = time.monotonic()
    leader.signal(number)
    seconds = repaired_after(tenant, signalled)
    leader.process.wait(timeout=SETTLE_SECONDS)
    pair.complete()
    return seconds


def after_outage(pair: Pair, tenant: Tenant, outage: float) -> float:
    """Seconds from the API server's return until a write, both operators having lived on."""
    before = list(pair.alive)
    with tenant.plane.without_api_server():
        time.sleep(outage)
    seconds = repaired_after(tenant, time.monotonic())
    if any(process.process.poll() is not None for process in before):
        raise click.ClickException("an operator ended in the outage")
    _must(pair.is_ready, "both operators are ready again")
    return seconds


def after_start_without_server(plane: ControlPlane, tenant: Tenant, folder: Path) -> float:
    """Seconds from the API server's start until an operator that was there first has written."""
    with ExitStack() as stack:
        with plane.without_api_server():
            early = OperatorProcess(plane.kubeconfig, "operator-early", folder)
            stack.callback(early.kill)
            _must(lambda: "could not list" in early.log(), "the operator has asked in vain")
        return repaired_after(tenant, time.monotonic())


def _must(condition: Callable[[], bool], what: str) -> None:
    if not becomes_true(condition, SETTLE_SECONDS):
        raise click.ClickException(f"Not within {SETTLE_SECONDS} s: {what}.")


def _deployed(plane: ControlPlane) -> Tenant:
    tenant = Tenant(plane)
    tenant.deploy()
    _must(lambda: tenant.children() == FIRST_CHILDREN, "the ModelDeployment has its children")
    return tenant


@click.command()
@click.option("--times", default=5, show_default=True, help="Signals of each kind; 0 for none.")
@click.option(
    "--outage", default=300.0, show_default=True, help="Seconds without API server; 0 for none."
)
def main(times: int, outage: float) -> None:
    """Measure and print; ends with 1 when a goal is missed."""
    missed = False
    with control_plane() as plane, tempfile.TemporaryDirectory() as folder:
        for measured in _all(plane, Path(folder), times, outage):
            click.echo(measured.line())
            missed = missed or max(measured.seconds) > measured.goal
    raise SystemExit(int(missed))


def _all(plane: ControlPlane, folder: Path, times: int, outage: float) -> Iterator[Measured]:
    pair = Pair(plane, folder)
    try:
        tenant = _deployed(plane)
        if times:
            yield _several("leader told to stop (SIGTERM)", STOPPED_GOAL, times, pair, tenant)
            yield _several("leader killed (SIGKILL)", KILLED_GOAL, times, pair, tenant)
        if outage:
            seconds = after_outage(pair, tenant, outage)
            yield Measured(f"API server back after {outage:g} s", RETURN_GOAL, (seconds,))
    finally:
        pair.end()
    if outage:
        seconds = after_start_without_server(plane, tenant, folder)
        yield Measured("API server up after the operator", RETURN_GOAL, (seconds,))


def _several(name: str, goal: float, times: int, pair: Pair, tenant: Tenant) -> Measured:
    number = signal.SIGKILL if "SIGKILL" in name else signal.SIGTERM
    return Measured(name, goal, tuple(after_signal(pair, tenant, number) for _ in range(times)))


if __name__ == "__main__":
    main()
