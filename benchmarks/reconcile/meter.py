"""Measures one step: time, writes, and what operator and API server used meanwhile."""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from benchmarks.reconcile import lag, passes, writes
from benchmarks.reconcile.processes import Usage, usage
from benchmarks.reconcile.rows import Row
from tests.support.control_plane import ControlPlane

QUIET_SECONDS = 4.0
"""Nothing was written for so long: the step has no consequences any more. Longer than any wait of a
pass for something that changes by itself."""
_PATIENCE_SECONDS = 600.0


@dataclass(frozen=True)
class Mark:
    """Where a step began."""

    at: float
    audit: int
    operator: Usage
    api_server: Usage
    metrics: Mapping[str, float]


@dataclass
class Meter:
    """Of one program against one API server, for one number of objects."""

    plane: ControlPlane
    pid: Callable[[], int]
    """Of the program under test; it changes when that is restarted."""
    size: int
    metrics: Callable[[], Mapping[str, float]] = dict
    """Of the program under test; empty while it does not answer."""
    program: str = writes.OPERATOR
    _api_server: int = field(init=False)

    def __post_init__(self) -> None:
        self._api_server = self.plane.pid("kube-apiserver")

    def start(self) -> Mark:
        """Begin a step."""
        return Mark(
            at=time.monotonic(),
            audit=self.plane.audit_position(),
            operator=usage(self.pid()),
            api_server=usage(self._api_server),
            metrics=self.metrics(),
        )

    async def finish(self, name: str, mark: Mark, objects: int, *, quiet: bool = True) -> Row:
        """End a step: its time ends now, its writes and CPU time once nothing follows any more."""
        seconds = time.monotonic() - mark.at
        if quiet:
            await self._quiet()
        metrics = self.metrics()
        now, server = usage(self.pid()), usage(self._api_server)
        requests = self.plane.audit_writes(mark.audit)
        return Row(
            size=self.size,
            step=name,
            program=self.program,
            objects=objects,
            seconds=seconds,
            writes=writes.of(self.program, requests),
            by_program=writes.by_program(requests),
            cpu_seconds=now.cpu_seconds - mark.operator.cpu_seconds,
            rss_mib=now.rss_mib,
            peak_rss_mib=now.peak_rss_mib,
            worst_lag_seconds=lag.worst(mark.metrics, metrics),
            passes=passes.made(mark.metrics, metrics),
            api_server_cpu_seconds=server.cpu_seconds - mark.api_server.cpu_seconds,
        )

    async def _quiet(self) -> None:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while True:
            position = self.plane.audit_position()
            await asyncio.sleep(QUIET_SECONDS)
            late = self.plane.audit_writes(position)
            if not any(writes.program(each) == self.program for each in late):
                return
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self.program} goes on writing after {_PATIENCE_SECONDS:g} s.")
