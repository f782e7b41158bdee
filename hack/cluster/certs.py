"""Certificate authorities, certificates, keys and kubeconfigs of the components."""

import base64
import json
from dataclasses import dataclass
from pathlib import Path

from .commands import run
from .paths import State
from .settings import API_URL, KUBERNETES_SERVICE_IP, NODE_IP, NODE_NAME

_CURVE = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
_DAYS = "3650"  # longer than any throw-away cluster lives


@dataclass(frozen=True)
class Certificate:
    """One leaf certificate: who it names, who signs it and what it may be used for."""

    name: str
    authority: str
    common_name: str
    organization: str = ""
    usage: str = "clientAuth"
    alternative_names: tuple[str, ...] = ()


AUTHORITIES = ("ca", "etcd-ca", "front-proxy-ca")

CERTIFICATES: tuple[Certificate, ...] = (
    Certificate(
        "apiserver",
        "ca",
        "kube-apiserver",
        usage="serverAuth",
        alternative_names=(
            *("DNS:kubernetes", "DNS:kubernetes.default", "DNS:kubernetes.default.svc"),
            *("DNS:kubernetes.default.svc.cluster.local", "DNS:localhost"),
            *(f"IP:{NODE_IP}", f"IP:{KUBERNETES_SERVICE_IP}", "IP:127.0.0.1"),
        ),
    ),
    Certificate(
        "etcd",
        "etcd-ca",
        "etcd",
        usage="serverAuth,clientAuth",
        alternative_names=("DNS:localhost", "IP:127.0.0.1"),
    ),
    Certificate(
        "kubelet-server",
        "ca",
        f"system:node:{NODE_NAME}",
        "system:nodes",
        "serverAuth",
        (f"DNS:{NODE_NAME}", f"IP:{NODE_IP}"),
    ),
    Certificate("apiserver-etcd-client", "etcd-ca", "kube-apiserver"),
    Certificate("apiserver-kubelet-client", "ca", "kube-apiserver", "system:masters"),
    Certificate("front-proxy-client", "front-proxy-ca", "front-proxy-client"),
    Certificate("admin", "ca", "trifocal-admin", "system:masters"),
    Certificate("kube-controller-manager", "ca", "system:kube-controller-manager"),
    Certificate("kube-scheduler", "ca", "system:kube-scheduler"),
    Certificate("kubelet", "ca", f"system:node:{NODE_NAME}", "system:nodes"),
    Certificate("kube-proxy", "ca", "system:kube-proxy"),
    Certificate("coredns", "ca", "system:coredns"),
)

# The certificates that log in to the API server, each through a kubeconfig.
CLIENTS = (
    *("admin", "kube-controller-manager", "kube-scheduler"),
    *("kubelet", "kube-proxy", "coredns"),
)


def ensure_certificates(state: State) -> None:
    """Create what is missing; what exists stays, so that running components keep trust."""
    for authority in AUTHORITIES:
        _authority(state.pki, authority)
    for certificate in CERTIFICATES:
        _leaf(state.pki, certificate)
    signing = state.pki / "sa.key"
    if not signing.exists():
        run(["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", signing])
    for client in CLIENTS:
        target = state.kubeconfig if client == "admin" else state.pki / f"{client}.kubeconfig"
        _kubeconfig(state.pki, client, target)


def _authority(pki: Path, name: str) -> None:
    key, cert = pki / f"{name}.key", pki / f"{name}.crt"
    if not cert.exists():
        subject = ("-subj", f"/CN=trifocal-{name}")
        extensions = ("-addext", "keyUsage=critical,keyCertSign,digitalSignature,cRLSign")
        outputs = ("-keyout", key, "-out", cert)
        run(["openssl", "req", "-x509", "-days", _DAYS, *_CURVE, *subject, *extensions, *outputs])


def _leaf(pki: Path, leaf: Certificate) -> None:
    key, cert = pki / f"{leaf.name}.key", pki / f"{leaf.name}.crt"
    if cert.exists():
        return
    subject = (f"/O={leaf.organization}" if leaf.organization else "") + f"/CN={leaf.common_name}"
    extensions = [
        *("-addext", "basicConstraints=critical,CA:FALSE"),
        *("-addext", "keyUsage=critical,digitalSignature"),
        *("-addext", f"extendedKeyUsage={leaf.usage}"),
    ]
    if leaf.alternative_names:
        extensions += ["-addext", "subjectAltName=" + ",".join(leaf.alternative_names)]
    signer = ("-CA", pki / f"{leaf.authority}.crt", "-CAkey", pki / f"{leaf.authority}.key")
    outputs = ("-subj", subject, "-keyout", key, "-out", cert)
    run(["openssl", "req", "-x509", "-days", _DAYS, *_CURVE, *signer, *extensions, *outputs])


def _kubeconfig(pki: Path, client: str, target: Path) -> None:
    """Embedded, not by path, for the administrator: a person may copy that file."""
    if target.exists():
        return
    cluster = {"server": API_URL, "certificate-authority-data": _base64(pki / "ca.crt")}
    user = {
        "client-certificate-data": _base64(pki / f"{client}.crt"),
        "client-key-data": _base64(pki / f"{client}.key"),
    }
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "trifocal", "cluster": cluster}],
        "users": [{"name": client, "user": user}],
        "contexts": [{"name": "trifocal", "context": {"cluster": "trifocal", "user": client}}],
        "current-context": "trifocal",
    }
    fresh = target.with_suffix(".new")
    fresh.touch(mode=0o600)
    fresh.write_text(json.dumps(content, indent=1) + "\n")  # JSON is YAML
    fresh.replace(target)


def _base64(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()
