"""Lists what a cluster left on the machine: nothing, after `down`."""

import json
from pathlib import Path

from . import settings as s
from .cgroups import groups, pod_processes
from .commands import run, succeeds
from .machine import mounts_under
from .paths import State
from .processes import marked
from .teardown import foreign_files


def leftovers(state: State) -> list[str]:
    """One line for each thing of this cluster that is still there."""
    found = [f"process {pid}: {_command(pid)}" for pid in marked(state) | pod_processes(state)]
    found += [f"mount {point}" for point in mounts_under(state.root)]
    found += [f"control group {group}" for group in groups(state)]
    found += [f"file {path}" for path in foreign_files(state)]
    for link in json.loads(run(["ip", "-j", "link"])):
        if s.BRIDGE in {link["ifname"], link.get("master")}:
            found.append(f"network interface {link['ifname']}")
    for family, table in (("ip", s.NFT_TABLE), ("ip", "kube-proxy"), ("ip6", "kube-proxy")):
        if succeeds(["nft", "list", "table", family, table]):
            found.append(f"nftables table {family} {table}")
    if state.root.exists():
        found.append(f"folder {state.root}")
    return found


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()[:120]
    except OSError:
        return "(gone)"
