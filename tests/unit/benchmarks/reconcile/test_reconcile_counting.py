"""Counting writes and reading /proc."""

from pathlib import Path

from benchmarks.reconcile import writes
from benchmarks.reconcile.processes import usage
from benchmarks.reconcile.writes import Writes

from tests.support.audit import AuditedRequest

MIB = 1024  # KiB


def _write(agent: str, resource: str, subresource: str = "", code: int = 200) -> AuditedRequest:
    return AuditedRequest(
        verb="patch",
        user="admin",
        user_agent=agent,
        resource=resource,
        subresource=subresource,
        namespace="team-0",
        name="model",
        code=code,
        field_manager="",
        dry_run=False,
    )


REQUESTS = (
    _write("trifocal/0.1.0", "configmaps"),
    _write("trifocal/0.1.0", "deployments"),
    _write("trifocal/0.1.0", "modeldeployments", "status"),
    _write("trifocal/0.1.0", "events"),
    _write("trifocal/0.1.0", "jobs", code=409),
    _write("kube-scheduler/v1.36.3 (linux/amd64) kubernetes/release/scheduler", "pods", "binding"),
)


def test_writes_are_counted_by_purpose() -> None:
    assert writes.of("trifocal", REQUESTS) == Writes(children=2, statuses=1, events=1, refused=1)
    assert writes.of("trifocal", REQUESTS).total == 4


def test_a_programs_name_is_what_stands_before_its_version() -> None:
    assert writes.by_program(REQUESTS) == {"kube-scheduler": 1, "trifocal": 5}


def test_usage_is_read_as_proc_5_describes_it(tmp_path: Path) -> None:
    """Fields 14 and 15 of stat are clock ticks; a program's name may hold a bracket."""
    folder = tmp_path / "7"
    folder.mkdir()
    fields = ["R", "1", *["0"] * 9, "250", "50", *["0"] * 20]
    (folder / "stat").write_text(f"7 (a ) b) {' '.join(fields)}\n")
    (folder / "status").write_text(f"Name:\ta\nVmHWM:\t {3 * MIB} kB\nVmRSS:\t {2 * MIB} kB\n")
    found = usage(7, tmp_path, ticks=100)
    assert (found.cpu_seconds, found.rss_mib, found.peak_rss_mib) == (3.0, 2.0, 3.0)
