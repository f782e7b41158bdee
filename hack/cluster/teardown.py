"""Takes the cluster down without a trace, however its processes ended."""

import os
import shutil
from pathlib import Path

from .cgroups import pod_processes, remove_cgroup
from .commands import succeeds
from .machine import mounts_under
from .network import remove_network
from .paths import State
from .polling import becomes_true
from .processes import marked, stop

# Two places that containerd and CNI do not let a configuration move.
CNI_RESULTS = Path("/var/lib/cni/results")
SHIM_SOCKETS = Path("/run/containerd/s")
CONTAINER_LOGS = Path("/var/log/containers")


def down(state: State) -> None:
    """Stop, unmount and delete everything; safe to run when nothing is there."""
    # The kubelet first or last makes no difference: nothing restarts what is stopped.
    stop(marked(state))
    stop(pod_processes(), seconds=1)
    remove_cgroup()
    becomes_true(lambda: not _unmounted(state), 10)
    remove_network(state)
    for leftover in foreign_files(state):
        leftover.unlink(missing_ok=True)
    _remove_if_empty(CNI_RESULTS, CNI_RESULTS.parent, SHIM_SOCKETS, SHIM_SOCKETS.parent)
    _remove_if_empty(CONTAINER_LOGS)
    shutil.rmtree(state.root, ignore_errors=True)


def foreign_files(state: State) -> list[Path]:
    """Files of this cluster outside its state folder."""
    links = list(CONTAINER_LOGS.glob("*.log")) if CONTAINER_LOGS.exists() else []
    logs = [link for link in links if Path(os.readlink(link)).is_relative_to(state.root)]
    results = list(CNI_RESULTS.glob("trifocal-*")) if CNI_RESULTS.exists() else []
    return [*logs, *results, *_dead_sockets()]


def _dead_sockets() -> list[Path]:
    """Sockets of shims that nobody listens on any more."""
    if not SHIM_SOCKETS.exists():
        return []
    alive = Path("/proc/net/unix").read_text()
    return [path for path in SHIM_SOCKETS.iterdir() if str(path) not in alive]


def _unmounted(state: State) -> list[str]:
    """Unmount from the inside out; the mounts that are left."""
    for point in sorted(mounts_under(state.root), key=len, reverse=True):
        succeeds(["umount", "--lazy", point])
    return mounts_under(state.root)


def _remove_if_empty(*folders: Path) -> None:
    for folder in folders:
        try:
            folder.rmdir()
        except OSError:  # not there, or another program's files are in it
            continue
