"""The figures of one step, and how they are printed. Pure."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.table import Table

from benchmarks.reconcile.writes import Writes


@dataclass(frozen=True, kw_only=True)
class Row:
    """One step with so many objects."""

    size: int
    """Objects that there are."""
    step: str
    program: str
    """Whose writes, CPU time and memory these are."""
    objects: int
    """That the step touched."""
    seconds: float
    """Until every object was as it should be."""
    writes: Writes
    by_program: Mapping[str, int]
    """Writes of everybody, by User-Agent."""
    cpu_seconds: float
    rss_mib: float
    """At the end."""
    peak_rss_mib: float
    """Since the program started."""
    api_server_cpu_seconds: float
    worst_lag_seconds: float | None = None
    """Within which its event loop always woke up; None where it does not tell."""
    passes: int | None = None
    """That it made; likewise."""

    @property
    def objects_per_second(self) -> float:
        """0 where nothing was touched."""
        return self.objects / self.seconds

    @property
    def writes_per_second(self) -> float:
        """The program's own."""
        return self.writes.total / self.seconds

    @property
    def millicores(self) -> float:
        """Of the program, while the step lasted."""
        return 1000 * self.cpu_seconds / self.seconds

    def per_object(self, count: float) -> float:
        """A count shared among the objects; the whole count where none was touched."""
        return count / (self.objects or 1)


def as_json(row: Row) -> dict[str, Any]:
    """One line of the report."""
    return {
        "size": row.size,
        "step": row.step,
        "program": row.program,
        "objects": row.objects,
        "seconds": round(row.seconds, 2),
        "objectsPerSecond": round(row.objects_per_second, 2),
        "writesPerObject": {
            "children": round(row.per_object(row.writes.children), 3),
            "statuses": round(row.per_object(row.writes.statuses), 3),
            "events": round(row.per_object(row.writes.events), 3),
            "refused": round(row.per_object(row.writes.refused), 3),
        },
        "writesByProgram": dict(row.by_program),
        "cpuSeconds": round(row.cpu_seconds, 2),
        "millicores": round(row.millicores, 1),
        "rssMiB": round(row.rss_mib, 1),
        "peakRssMiB": round(row.peak_rss_mib, 1),
        "passesPerObject": None if row.passes is None else round(row.per_object(row.passes), 2),
        "worstLagSeconds": _finite(row.worst_lag_seconds),
        "apiServerCpuSeconds": round(row.api_server_cpu_seconds, 2),
    }


def _finite(seconds: float | None) -> float | str | None:
    """JSON has no infinity."""
    return "longer" if seconds == math.inf else seconds


def table(rows: Sequence[Row]) -> Table:
    """For people."""
    found = Table(title="Writes are per object touched; those of leases are left out")
    for name in ("size", "step", "program"):
        found.add_column(name)
    for name in ("s", "objects/s", "children", "statuses", "events", "refused", "passes"):
        found.add_column(name, justify="right")
    for name in ("CPU s", "mCPU", "RSS MiB", "peak", "lag s", "API server CPU s"):
        found.add_column(name, justify="right")
    for row in rows:
        found.add_row(*_cells(row))
    return found


def _cells(row: Row) -> tuple[str, ...]:
    parts = row.writes.children, row.writes.statuses, row.writes.events, row.writes.refused
    return (
        str(row.size),
        row.step,
        row.program,
        f"{row.seconds:.1f}",
        f"{row.objects_per_second:.1f}" if row.objects else "-",
        *(f"{row.per_object(count):.2f}" for count in parts),
        "-" if row.passes is None else f"{row.per_object(row.passes):.1f}",
        f"{row.cpu_seconds:.2f}",
        f"{row.millicores:.1f}",
        f"{row.rss_mib:.0f}",
        f"{row.peak_rss_mib:.0f}",
        "-" if row.worst_lag_seconds is None else f"{row.worst_lag_seconds:g}",
        f"{row.api_server_cpu_seconds:.1f}",
    )
