"""What a process has used so far, from /proc (Linux)."""

import os
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
TICKS = os.sysconf("SC_CLK_TCK")
_UTIME, _STIME = 11, 12
"""Places in /proc/PID/stat behind the closing bracket of the program's name (proc_pid_stat(5))."""


@dataclass(frozen=True, kw_only=True)
class Usage:
    """Of one process, with all its threads."""

    cpu_seconds: float
    rss_mib: float
    peak_rss_mib: float


def usage(pid: int, proc: Path = PROC, *, ticks: int = TICKS) -> Usage:
    """What it has used until now; time is counted in `ticks` a second.

    Raises:
        OSError: there is no such process.
    """
    numbers = (proc / str(pid) / "stat").read_text().rpartition(")")[2].split()
    lines = (proc / str(pid) / "status").read_text().splitlines()
    status = dict(line.split(":", 1) for line in lines)
    return Usage(
        cpu_seconds=(int(numbers[_UTIME]) + int(numbers[_STIME])) / ticks,
        rss_mib=_mib(status["VmRSS"]),
        peak_rss_mib=_mib(status["VmHWM"]),
    )


def _mib(text: str) -> float:
    """From `123 kB`, which are KiB."""
    return int(text.split(maxsplit=1)[0]) / 1024
