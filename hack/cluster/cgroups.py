"""The control group that holds every pod, in version 1 and version 2 hierarchies."""

import os
import signal
from pathlib import Path

from .machine import cgroup_hierarchies
from .paths import State
from .polling import becomes_true

# Every program outside a group of its own counts as much as this whole group does by
# default: beside a test run or a build, the pods together would get a tenth of a core.
_CPU_WEIGHTS = {"cpu.shares": (4096, 262144), "cpu.weight": (400, 10000)}  # per core, at most


def ensure_cgroup(state: State) -> None:
    """Create the kubelet's root group, which it expects to find in each hierarchy."""
    for hierarchy in cgroup_hierarchies():
        group = hierarchy / state.cgroup
        controllers = hierarchy / "cgroup.controllers"
        if controllers.exists() and controllers.read_text().strip():
            enable = " ".join(f"+{name}" for name in controllers.read_text().split())
            (hierarchy / "cgroup.subtree_control").write_text(enable)
        group.mkdir(exist_ok=True)
        for name in ("cpuset.cpus", "cpuset.mems"):
            # In version 1 a group without processors or memory nodes holds no process.
            if (group / name).exists() and (hierarchy / name).exists():
                _inherit(hierarchy / name, group / name)
        for name, (per_core, most) in _CPU_WEIGHTS.items():
            if (group / name).exists():
                (group / name).write_text(str(min(per_core * (os.cpu_count() or 1), most)))


def _inherit(parent: Path, child: Path) -> None:
    if not child.read_text().strip():
        child.write_text(parent.read_text())


def groups(state: State) -> list[Path]:
    """Our group and all below it, deepest first, in every hierarchy."""
    found: list[Path] = []
    for hierarchy in cgroup_hierarchies():
        root = hierarchy / state.cgroup
        found += [Path(folder) for folder, _, _ in os.walk(root, topdown=False)]
    return found


def pod_processes(state: State) -> set[int]:
    """Every process in one of our groups."""
    found: set[int] = set()
    for group in groups(state):
        try:
            found.update(map(int, (group / "cgroup.procs").read_text().split()))
        except OSError:  # the group went between the listing and the look
            continue
    return found - {0}  # 0 stands for a process of another PID namespace


def remove_cgroup(state: State) -> None:
    """Kill what is left in the groups and delete them."""
    becomes_true(lambda: _no_process_left(state), 10)
    becomes_true(lambda: _no_group_left(state), 5)


def _no_process_left(state: State) -> bool:
    for pid in pod_processes(state):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    return not pod_processes(state)


def _no_group_left(state: State) -> bool:
    for group in groups(state):
        try:
            group.rmdir()
        except OSError:  # a killed process can keep its group busy for a moment
            continue
    return not groups(state)
