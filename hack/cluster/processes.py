"""Starts components detached, remembers them, and finds them again by a mark."""

import hashlib
import json
import os
import signal
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from .machine import may_lower_oom_score
from .paths import State, tools_dir
from .polling import becomes_true

# In the environment of every component and, by inheritance, of the containers' shims:
# what `down` looks for, since a record can be lost and a name can be another cluster's.
_MARK = "TRIFOCAL_CLUSTER_OF"
_SPARED_SCORE = -900  # ordered before a pod when memory runs out, but not before the kernel


@dataclass(frozen=True)
class Record:
    """What was started: the start time tells it from a later process of the same number."""

    pid: int
    started: int
    digest: str


def command_digest(argv: Iterable[str], files: Iterable[Path]) -> str:
    """Changes whenever the command line, the program or a configuration file does."""
    words = list(argv)
    digest = hashlib.sha256(json.dumps([*words, os.path.realpath(words[0])]).encode())
    for path in files:
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def start(state: State, name: str, argv: list[str], digest: str) -> Record:
    """Start it in a session of its own, so that it outlives the caller's terminal."""
    environment = {
        "PATH": f"{tools_dir()}:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": "/root",
        _MARK: str(state.root),
    }
    with (state.logs / f"{name}.log").open("ab") as log:
        process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            env=environment,
            start_new_session=True,
        )
    # Python warns of a child that nobody waited for; this one is meant to outlive us.
    process.returncode = 0
    if may_lower_oom_score():
        Path(f"/proc/{process.pid}/oom_score_adj").write_text(str(_SPARED_SCORE))
    record = Record(process.pid, _start_time(process.pid) or 0, digest)
    (state.pids / name).write_text(json.dumps(record.__dict__))
    return record


def recorded(state: State, name: str) -> Record | None:
    """The component's record if the process that it names still runs."""
    try:
        record = Record(**json.loads((state.pids / name).read_text()))
    except (OSError, ValueError, TypeError):
        return None
    return record if _start_time(record.pid) == record.started else None


def marked(state: State) -> set[int]:
    """Every running process that carries this cluster's mark."""
    wanted = f"{_MARK}={state.root}".encode()
    found: set[int] = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                environment = (entry / "environ").read_bytes().split(b"\0")
            except OSError:
                continue
            if wanted in environment and _start_time(int(entry.name)) is not None:
                found.add(int(entry.name))
    return found


def stop(pids: Iterable[int], seconds: float = 5, *, gently: bool = True) -> None:
    """Ask them to end, if `gently`, and end those that have not after `seconds`."""
    left = {pid: started for pid in pids if (started := _start_time(pid)) is not None}

    def gone() -> bool:
        return all(_start_time(pid) != started for pid, started in left.items())

    for wanted in (signal.SIGTERM, signal.SIGKILL) if gently else (signal.SIGKILL,):
        for pid, started in left.items():
            if _start_time(pid) == started:
                os.kill(pid, wanted)
        if becomes_true(gone, seconds):
            return


def _start_time(pid: int) -> int | None:
    """Clock ticks from boot to its start; None if it is gone or only a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else int(fields[19])
