"""Takes the cluster down without a trace, however its processes ended."""

import shutil
from pathlib import Path

from .cgroups import remove_cgroup
from .commands import succeeds
from .machine import mounts_under
from .network import remove_network
from .paths import State
from .polling import becomes_true
from .processes import marked, stop

# Places that no configuration of CNI or the kubelet moves.
CNI_RESULTS = Path("/var/lib/cni/results")
CONTAINER_LOGS = Path("/var/log/containers")
DEVICE_PLUGINS = Path("/var/lib/kubelet/device-plugins")


def down(state: State) -> None:
    """Stop, unmount and delete everything; safe to run when nothing is there."""
    # At once, not gently: all that they could still write is deleted below. Twice, since
    # containerd may have started a shim between the look and the kill.
    for _ in range(2):
        stop(marked(state), gently=False)
    remove_cgroup(state)
    becomes_true(lambda: not _unmounted(state), 10)
    remove_network(state)
    for leftover in foreign_files(state):
        leftover.unlink(missing_ok=True)
    _remove_if_empty(CNI_RESULTS, CNI_RESULTS.parent)
    _remove_if_empty(CONTAINER_LOGS, DEVICE_PLUGINS, DEVICE_PLUGINS.parent)
    shutil.rmtree(state.root, ignore_errors=True)


def foreign_files(state: State) -> list[Path]:
    """Files of this cluster outside its state folder."""
    links = list(CONTAINER_LOGS.glob("*.log")) if CONTAINER_LOGS.exists() else []
    logs = [link for link in links if link.readlink().is_relative_to(state.root)]
    results = list(CNI_RESULTS.iterdir()) if CNI_RESULTS.exists() else []
    ours = [path for path in results if str(state.root) in path.read_text(errors="replace")]
    return [*logs, *ours]


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
