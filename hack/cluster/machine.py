"""What this machine is and may do: capabilities, cgroups, disk, its default route."""

import json
from pathlib import Path

from .commands import run

_CAP_SYS_RESOURCE = 24


def may_lower_oom_score() -> bool:
    """Whether this process may make others less likely to be killed for memory."""
    status = Path("/proc/self/status").read_text()
    capabilities = next(line.split()[1] for line in status.splitlines() if "CapEff" in line)
    return bool(int(capabilities, 16) >> _CAP_SYS_RESOURCE & 1)


def default_mtu() -> int:
    """The MTU of the default route's interface: pods must not send larger packets."""
    routes = json.loads(run(["ip", "-j", "-4", "route", "show", "default"]) or "[]")
    if not routes:
        return 1500
    return int(Path(f"/sys/class/net/{routes[0]['dev']}/mtu").read_text())


def cgroup_hierarchies() -> list[Path]:
    """The root of each cgroup hierarchy: one for version 2, one per controller for 1."""
    mounts = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
    return [Path(fields[1]) for fields in mounts if fields[2] in {"cgroup", "cgroup2"}]


def mounts_under(folder: Path) -> list[str]:
    """Mount points at or under `folder`, deepest last."""
    points = [line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
    decoded = [point.replace("\\040", " ") for point in points]
    return [point for point in decoded if Path(point).is_relative_to(folder)]
