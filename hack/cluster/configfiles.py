"""The generated configuration files of containerd, CNI, kubelet, kube-proxy and CoreDNS."""

import json
from collections.abc import Mapping
from pathlib import Path

from . import settings as s
from .machine import default_mtu, may_lower_oom_score
from .paths import State, tools_dir


def write_configuration(state: State) -> None:
    """Write every file whose content is not already on disk."""
    files = {
        "containerd.toml": _containerd(state),
        "cni/10-trifocal.conflist": _json(_cni(state)),
        "kubelet.yaml": _json(_kubelet(state)),
        "kube-proxy.yaml": _json(_kube_proxy(state)),
        "audit-policy.yaml": _json(_AUDIT_POLICY),
        "Corefile": _corefile(state),
    }
    for name, content in files.items():
        target = state.config / name
        if not target.exists() or target.read_text() != content:
            target.parent.mkdir(exist_ok=True)
            target.write_text(content)


def _json(content: Mapping[str, object]) -> str:
    return json.dumps(content, indent=1) + "\n"


def _containerd(state: State) -> str:
    """Every path inside the state folder, so that `down` finds all there is."""
    lowered = str(not may_lower_oom_score()).lower()
    return f"""version = 3
root = "{state / "containerd"}"
state = "{state / "run/containerd"}"

[grpc]
  address = "{state.containerd_socket}"

[plugins.'io.containerd.internal.v1.opt']
  path = "{state / "run/opt"}"

[plugins.'io.containerd.nri.v1.nri']
  disable = true

[plugins.'io.containerd.cri.v1.images']
  snapshotter = "overlayfs"
[plugins.'io.containerd.cri.v1.images'.pinned_images]
  sandbox = "{s.PAUSE_IMAGE}"

[plugins.'io.containerd.cri.v1.runtime']
  # Where the machine withholds CAP_SYS_RESOURCE, runc may not lower a score.
  restrict_oom_score_adj = {lowered}
  netns_mounts_under_state_dir = true
[plugins.'io.containerd.cri.v1.runtime'.cni]
  bin_dirs = ["/usr/lib/cni"]
  conf_dir = "{state.config / "cni"}"
[plugins.'io.containerd.cri.v1.runtime'.containerd]
  default_runtime_name = "runc"
[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
  runtime_path = "{tools_dir() / "containerd-shim-runc-v2"}"
[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]
  SystemdCgroup = false
  Root = "{state / "run/runc"}"
"""


def _cni(state: State) -> dict[str, object]:
    """No ipMasq and no portmap: both write iptables rules that a kill -9 leaves behind."""
    address_range = {
        "subnet": s.POD_CIDR,
        "rangeStart": s.POD_RANGE_START,
        "gateway": s.NODE_IP,
    }
    bridge = {
        "type": "bridge",
        "bridge": s.BRIDGE,
        "isGateway": True,
        "hairpinMode": True,
        "mtu": default_mtu(),
        "ipam": {
            "type": "host-local",
            "dataDir": str(state / "run/ipam"),
            "ranges": [[address_range]],
            "routes": [{"dst": "0.0.0.0/0"}],
        },
    }
    return {"cniVersion": "1.0.0", "name": "trifocal", "plugins": [bridge]}


def _kubelet(state: State) -> dict[str, object]:
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": s.NODE_IP,
        "port": s.KUBELET_PORT,
        "healthzPort": s.KUBELET_HEALTH_PORT,
        "readOnlyPort": 0,
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(state.pki / "ca.crt")},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": str(state.pki / "kubelet-server.crt"),
        "tlsPrivateKeyFile": str(state.pki / "kubelet-server.key"),
        "clusterDNS": [s.NODE_IP],
        "clusterDomain": s.DOMAIN,
        "containerRuntimeEndpoint": f"unix://{state.containerd_socket}",
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{state.cgroup}",
        "failCgroupV1": False,
        "failSwapOn": False,
        "enforceNodeAllocatable": [],
        "makeIPTablesUtilChains": False,
        "podLogsDir": str(state / "pod-logs"),
        "volumePluginDir": str(state / "run/volume-plugins"),
        # Images come from no registry: one that is collected is gone.
        "imageGCHighThresholdPercent": 100,
        "evictionHard": {
            "memory.available": "100Mi",
            "nodefs.available": "1%",
            "nodefs.inodesFree": "1%",
            "imagefs.available": "1%",
        },
        "nodeStatusReportFrequency": "1m",
        "shutdownGracePeriod": "0s",
    }


def _kube_proxy(state: State) -> dict[str, object]:
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "nftables",
        "clientConnection": {"kubeconfig": str(state.pki / "kube-proxy.kubeconfig")},
        "hostnameOverride": s.NODE_NAME,
        "clusterCIDR": s.POD_CIDR,
        "healthzBindAddress": f"127.0.0.1:{s.PROXY_HEALTH_PORT}",
        "metricsBindAddress": f"127.0.0.1:{s.PROXY_METRICS_PORT}",
        # Zero leaves the machine's connection tracking as it is.
        "conntrack": {
            "maxPerCore": 0,
            "min": 0,
            "tcpEstablishedTimeout": "0s",
            "tcpCloseWaitTimeout": "0s",
        },
    }


# Tests count requests in this log, so each appears once, when it is complete.
_AUDIT_POLICY: dict[str, object] = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [
        {"level": "None", "nonResourceURLs": ["/healthz*", "/livez*", "/readyz*"]},
        {"level": "Metadata"},
    ],
}


def _corefile(state: State) -> str:
    """Names of the outside go where the machine itself asks, if it asks anyone."""
    resolver = Path("/etc/resolv.conf")
    known = resolver.exists() and "nameserver" in resolver.read_text()
    forward = f"    forward . {resolver}\n" if known else ""
    return f""".:{s.DNS_PORT} {{
    bind {s.NODE_IP}
    errors
    health 127.0.0.1:{s.DNS_HEALTH_PORT}
    ready 127.0.0.1:{s.DNS_READY_PORT}
    kubernetes {s.DOMAIN} in-addr.arpa ip6.arpa {{
        kubeconfig {state.pki / "coredns.kubeconfig"}
        pods insecure
        fallthrough in-addr.arpa ip6.arpa
        ttl 5
    }}
{forward}    cache 5
}}
"""
