"""Says in one sentence what this machine lacks, and installs the Debian packages it may."""

import ipaddress
import json
import os
import re
import shutil
from pathlib import Path

from . import settings as s
from .commands import run, succeeds
from .errors import ClusterError
from .paths import State, cache_dir
from .processes import marked

_GIB = 1 << 30
_DISK_FIRST = 25 * _GIB  # Go's caches (7), programs, the cluster, and images twice (2 x 8)
_DISK_CACHED = 2 * _GIB

# What each Debian package is needed for, by a file that shows it is installed.
CLUSTER_PACKAGES = {
    "runc": "/usr/sbin/runc",
    "containernetworking-plugins": "/usr/lib/cni/bridge",
    "nftables": "/usr/sbin/nft",
    "iproute2": "/usr/sbin/ip",
    "openssl": "/usr/bin/openssl",
    "ca-certificates": "/etc/ssl/certs/ca-certificates.crt",
}
IMAGE_PACKAGES = {"debootstrap": "/usr/sbin/debootstrap", "buildah": "/usr/bin/buildah"}

_PORTS = {
    s.API_PORT: "kube-apiserver",
    s.ETCD_PORT: "etcd",
    s.ETCD_PEER_PORT: "etcd",
    s.KUBELET_PORT: "kubelet",
    s.KUBELET_HEALTH_PORT: "kubelet",
    s.CONTROLLER_PORT: "kube-controller-manager",
    s.SCHEDULER_PORT: "kube-scheduler",
    s.PROXY_HEALTH_PORT: "kube-proxy",
    s.PROXY_METRICS_PORT: "kube-proxy",
    s.DNS_READY_PORT: "coredns",
    s.DNS_HEALTH_PORT: "coredns",
}


def check_machine(state: State) -> None:
    """Raise ClusterError for the first thing that would make `up` fail later."""
    check_root()
    check_debian()
    _check_disk(state.root, _DISK_CACHED)
    if not (cache_dir() / "tools" / "kubelet").exists():
        _check_disk(cache_dir(), _DISK_FIRST)
    _check_ports(state)


def check_root() -> None:
    """A node needs mounts, namespaces and control groups."""
    if os.geteuid() != 0:
        raise ClusterError("the cluster needs root; run the same command with sudo")


def check_debian() -> None:
    """The node's programs are Debian's packages."""
    release = Path("/etc/os-release")
    text = release.read_text() if release.exists() else ""
    if not re.search(r"^ID(_LIKE)?=.*\bdebian\b", text, re.MULTILINE):
        raise ClusterError(
            "this is not Debian or a relative of it, whose packages (runc, CNI plugins, nftables)"
            " the cluster uses; run it in a Debian 12 virtual machine"
        )


def install_packages(packages: dict[str, str]) -> None:
    """Install what is missing; the package lists are fetched only if something is."""
    missing = [name for name, shown_by in packages.items() if not Path(shown_by).exists()]
    if not missing:
        return
    print(f"installing Debian packages: {' '.join(missing)}", flush=True)
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    # A third-party list that cannot be fetched is no reason to stop: ours may be fine.
    succeeds(["apt-get", "update", "-q"])
    install = ["apt-get", "install", "-y", "-q", "--no-install-recommends", *missing]
    run(install, env=quiet, advice=f"Install {' '.join(missing)} yourself, then run `up` again.")


def check_subnets() -> None:
    """Refuse to cover addresses that the machine already reaches by another way."""
    routes = json.loads(run(["ip", "-j", "-4", "route"]) or "[]")
    ours = [ipaddress.ip_network(s.POD_CIDR), ipaddress.ip_network(s.SERVICE_CIDR)]
    for route in routes:
        if route["dst"] == "default" or route["dev"] == s.BRIDGE:
            continue
        taken = ipaddress.ip_network(route["dst"], strict=False)
        for network in ours:
            if network.overlaps(taken):
                raise ClusterError(
                    f"{network} overlaps with {taken} on {route['dev']};"
                    " change the addresses in hack/cluster/settings.py"
                )


def _check_disk(folder: Path, needed: int) -> None:
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    free = shutil.disk_usage(existing).free
    if free < needed:
        raise ClusterError(
            f"{existing} has {free / _GIB:.1f} GiB free and {needed / _GIB:.0f} GiB are needed;"
            " free some, or set XDG_CACHE_HOME or TRIFOCAL_CLUSTER_DIR to a larger disk"
        )


def _check_ports(state: State) -> None:
    ours: set[int] | None = None
    for port, inode in _listening().items():
        if port not in _PORTS:
            continue
        ours = marked(state) if ours is None else ours
        holder = _holder(inode)
        if holder is not None and holder not in ours:
            name = Path(f"/proc/{holder}/comm").read_text().strip()
            raise ClusterError(
                f"port {port}, which {_PORTS[port]} needs, is held by {name} (pid {holder});"
                " stop it, or change the port in hack/cluster/settings.py"
            )


def _listening() -> dict[int, str]:
    """Port -> socket inode of each TCP listener of this network namespace."""
    found: dict[int, str] = {}
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:] if Path(table).exists() else []:
            fields = line.split()
            if fields[3] == "0A":
                found[int(fields[1].rpartition(":")[2], 16)] = fields[9]
    return found


def _holder(inode: str) -> int | None:
    """The process that holds that socket."""
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            if str(link.readlink()) == f"socket:[{inode}]":
                return int(link.parts[2])
        except OSError:
            continue
    return None
