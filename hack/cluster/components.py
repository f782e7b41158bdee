"""The processes of the cluster: one declarative list, in the order of their start."""

from dataclasses import dataclass
from pathlib import Path

from . import settings as s
from .build import built
from .paths import State
from .versions import tool


@dataclass(frozen=True)
class Component:
    """One process: its arguments, the files it reads once, and how it says it is ready."""

    name: str
    arguments: tuple[str, ...]
    files: tuple[Path, ...] = ()
    health: str = ""  # a URL that answers 200 once it is ready
    client: str = ""  # the certificate that the health URL asks for
    authority: str = ""  # who signed the health URL's certificate; none: made at start
    socket: Path | None = None  # for one without a health URL

    @property
    def argv(self) -> list[str]:
        """The whole command line."""
        return [str(built(tool(self.name))), *self.arguments]


def components(state: State) -> list[Component]:
    """Every component; each may count on those before it."""
    return [
        _etcd(state),
        _containerd(state),
        _apiserver(state),
        _controllers(state),
        _scheduler(state),
        _kubelet(state),
        _proxy(state),
        _dns(state),
    ]


def _etcd(state: State) -> Component:
    pki, client = state.pki, f"https://127.0.0.1:{s.ETCD_PORT}"
    peer = f"https://127.0.0.1:{s.ETCD_PEER_PORT}"
    arguments = (
        "--name=trifocal",
        f"--data-dir={state / 'etcd'}",
        # A throw-away cluster: it survives a killed process, not a power failure.
        "--unsafe-no-fsync",
        "--auto-compaction-mode=periodic",
        "--auto-compaction-retention=10m",
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=trifocal={peer}",
        *_etcd_tls(pki, ""),
        *_etcd_tls(pki, "peer-"),
        "--log-level=warn",
    )
    ready = f"{client}/readyz"
    return Component(
        "etcd", arguments, health=ready, client="apiserver-etcd-client", authority="etcd-ca"
    )


def _etcd_tls(pki: Path, prefix: str) -> tuple[str, ...]:
    return (
        f"--{prefix}cert-file={pki / 'etcd.crt'}",
        f"--{prefix}key-file={pki / 'etcd.key'}",
        f"--{prefix}trusted-ca-file={pki / 'etcd-ca.crt'}",
        f"--{prefix}client-cert-auth=true",
    )


def _containerd(state: State) -> Component:
    config = state.config / "containerd.toml"
    arguments = (f"--config={config}", "--log-level=warn")
    return Component("containerd", arguments, (config,), socket=state.containerd_socket)


def _apiserver(state: State) -> Component:
    pki, policy = state.pki, state.config / "audit-policy.yaml"
    arguments = (
        f"--advertise-address={s.NODE_IP}",
        f"--bind-address={s.NODE_IP}",
        f"--secure-port={s.API_PORT}",
        f"--cert-dir={state / 'run'}",
        f"--service-cluster-ip-range={s.SERVICE_CIDR}",
        "--authorization-mode=Node,RBAC",
        "--anonymous-auth=false",
        "--allow-privileged=true",
        "--enable-admission-plugins=NodeRestriction",
        f"--client-ca-file={pki / 'ca.crt'}",
        f"--tls-cert-file={pki / 'apiserver.crt'}",
        f"--tls-private-key-file={pki / 'apiserver.key'}",
        f"--etcd-servers=https://127.0.0.1:{s.ETCD_PORT}",
        f"--etcd-cafile={pki / 'etcd-ca.crt'}",
        f"--etcd-certfile={pki / 'apiserver-etcd-client.crt'}",
        f"--etcd-keyfile={pki / 'apiserver-etcd-client.key'}",
        f"--kubelet-certificate-authority={pki / 'ca.crt'}",
        f"--kubelet-client-certificate={pki / 'apiserver-kubelet-client.crt'}",
        f"--kubelet-client-key={pki / 'apiserver-kubelet-client.key'}",
        # The node's name is in no DNS that the API server asks.
        "--kubelet-preferred-address-types=InternalIP",
        f"--requestheader-client-ca-file={pki / 'front-proxy-ca.crt'}",
        "--requestheader-allowed-names=front-proxy-client",
        "--requestheader-username-headers=X-Remote-User",
        "--requestheader-group-headers=X-Remote-Group",
        "--requestheader-extra-headers-prefix=X-Remote-Extra-",
        f"--proxy-client-cert-file={pki / 'front-proxy-client.crt'}",
        f"--proxy-client-key-file={pki / 'front-proxy-client.key'}",
        f"--service-account-issuer=https://kubernetes.default.svc.{s.DOMAIN}",
        f"--service-account-key-file={pki / 'sa.key'}",
        f"--service-account-signing-key-file={pki / 'sa.key'}",
        f"--audit-policy-file={policy}",
        f"--audit-log-path={state / 'audit.log'}",
        # Written before the answer is, so a test that got its answer finds the line.
        "--audit-log-mode=blocking",
        "--audit-log-maxsize=1000",
        "--audit-log-maxbackup=1",
    )
    return Component(
        "kube-apiserver",
        arguments,
        (policy,),
        health=f"{s.API_URL}/readyz",
        client="admin",
        authority="ca",
    )


def _controllers(state: State) -> Component:
    pki = state.pki
    arguments = (
        *_login(state, "kube-controller-manager"),
        "--bind-address=127.0.0.1",
        f"--secure-port={s.CONTROLLER_PORT}",
        "--use-service-account-credentials=true",
        f"--root-ca-file={pki / 'ca.crt'}",
        f"--service-account-private-key-file={pki / 'sa.key'}",
        f"--cluster-signing-cert-file={pki / 'ca.crt'}",
        f"--cluster-signing-key-file={pki / 'ca.key'}",
        "--leader-elect=false",
    )
    health = f"https://127.0.0.1:{s.CONTROLLER_PORT}/healthz"
    return Component("kube-controller-manager", arguments, health=health)


def _scheduler(state: State) -> Component:
    arguments = (
        *_login(state, "kube-scheduler"),
        "--bind-address=127.0.0.1",
        f"--secure-port={s.SCHEDULER_PORT}",
        "--leader-elect=false",
    )
    health = f"https://127.0.0.1:{s.SCHEDULER_PORT}/healthz"
    return Component("kube-scheduler", arguments, health=health)


def _login(state: State, client: str) -> tuple[str, ...]:
    kubeconfig = state.pki / f"{client}.kubeconfig"
    return (
        f"--kubeconfig={kubeconfig}",
        f"--authentication-kubeconfig={kubeconfig}",
        f"--authorization-kubeconfig={kubeconfig}",
    )


def _kubelet(state: State) -> Component:
    config = state.config / "kubelet.yaml"
    arguments = (
        f"--config={config}",
        f"--kubeconfig={state.pki / 'kubelet.kubeconfig'}",
        f"--root-dir={state / 'kubelet'}",
        f"--cert-dir={state / 'kubelet/pki'}",
        f"--hostname-override={s.NODE_NAME}",
        f"--node-ip={s.NODE_IP}",
    )
    health = f"http://127.0.0.1:{s.KUBELET_HEALTH_PORT}/healthz"
    return Component("kubelet", arguments, (config,), health=health)


def _proxy(state: State) -> Component:
    config = state.config / "kube-proxy.yaml"
    health = f"http://127.0.0.1:{s.PROXY_HEALTH_PORT}/healthz"
    return Component("kube-proxy", (f"--config={config}",), (config,), health=health)


def _dns(state: State) -> Component:
    config = state.config / "Corefile"
    health = f"http://127.0.0.1:{s.DNS_READY_PORT}/ready"
    return Component("coredns", (f"-conf={config}",), (config,), health=health)
