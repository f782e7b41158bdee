"""The node's bridge, its routes, kernel settings and masquerading."""

import json
from pathlib import Path

from . import settings as s
from .commands import run, succeeds
from .machine import default_mtu
from .paths import State

_SYSCTLS = {
    "net/ipv4/ip_forward": "1",
    # A pod's reply to a pod on the same bridge must pass the translation of Services.
    "net/bridge/bridge-nf-call-iptables": "1",
    # Each Python or Go watcher takes one; some machines allow 128 for everything.
    "fs/inotify/max_user_instances": "1024",
}
# The kubelet sets these itself; they are only remembered, to be put back by `down`.
_KUBELET_SYSCTLS = (
    *("vm/overcommit_memory", "vm/panic_on_oom", "kernel/panic", "kernel/panic_on_oops"),
    *("kernel/keys/root_maxkeys", "kernel/keys/root_maxbytes"),
)


def ensure_network(state: State) -> None:
    """Create the bridge, the kernel settings and the rules that are not there yet."""
    if not Path("/proc/sys/net/bridge").exists():
        succeeds(["modprobe", "br_netfilter"])
    _remember_sysctls(state)
    for name, value in _SYSCTLS.items():
        _raise_sysctl(name, value)
    if not succeeds(["ip", "link", "show", s.BRIDGE]):
        _create_bridge()
    if not succeeds(["nft", "list", "table", "ip", s.NFT_TABLE]):
        run(["nft", "-f", "-"], stdin=_MASQUERADE)


def remove_network(state: State) -> None:
    """Delete what `ensure_network` and kube-proxy made, and put kernel settings back."""
    succeeds(["ip", "link", "delete", s.BRIDGE])
    for family, table in (("ip", s.NFT_TABLE), ("ip", "kube-proxy"), ("ip6", "kube-proxy")):
        succeeds(["nft", "delete", "table", family, table])
    saved = state / "sysctls.json"
    if saved.exists():
        for name, value in json.loads(saved.read_text()).items():
            Path("/proc/sys", name).write_text(value)


def _create_bridge() -> None:
    prefix = s.POD_CIDR.partition("/")[2]
    run(["ip", "link", "add", s.BRIDGE, "address", s.BRIDGE_MAC, "type", "bridge"])
    run(["ip", "link", "set", s.BRIDGE, "mtu", str(default_mtu()), "up"])
    run(["ip", "address", "add", f"{s.NODE_IP}/{prefix}", "dev", s.BRIDGE])
    # With a route of its own, a Service answers on a machine without a default route.
    run(["ip", "route", "add", s.SERVICE_CIDR, "dev", s.BRIDGE, "src", s.NODE_IP])


_MASQUERADE = f"""
table ip {s.NFT_TABLE} {{
  chain postrouting {{
    type nat hook postrouting priority srcnat; policy accept;
    ip saddr {s.POD_CIDR} ip daddr != {{ {s.POD_CIDR}, {s.SERVICE_CIDR} }} masquerade
  }}
}}
"""


def _remember_sysctls(state: State) -> None:
    saved = state / "sysctls.json"
    if saved.exists():
        return
    names = [*_SYSCTLS, *_KUBELET_SYSCTLS]
    existing = {name: Path("/proc/sys", name) for name in names}
    values = {name: path.read_text().strip() for name, path in existing.items() if path.exists()}
    saved.write_text(json.dumps(values, indent=1) + "\n")


def _raise_sysctl(name: str, value: str) -> None:
    path = Path("/proc/sys", name)
    if path.exists() and int(path.read_text()) < int(value):
        path.write_text(value)
