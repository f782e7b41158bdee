"""How this process reaches the API server: address, TLS, and a bearer token that may rotate.

In a pod the token file changes under us about hourly; elsewhere the kubeconfig may run a program
for it. Both are hidden behind one aiohttp middleware, used by our client and by kopf's session,
so that a rotation needs no new login and loses no watch.
"""

import os
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any, Protocol

import aiohttp
from kubernetes.aio import config as kube_config
from kubernetes.aio.client import Configuration

from trifocal import __version__

SERVICE_ACCOUNT_DIR = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""Where kubelet mounts a pod's token and the cluster's CA."""

RELOAD_SECONDS = 10.0
"""A kubeconfig is loaded again at most this often: it may run a slow login program."""

KEEPALIVE = {
    "TCP_KEEPIDLE": 10,
    "TCP_KEEPINTVL": 5,
    "TCP_KEEPCNT": 3,
    "TCP_USER_TIMEOUT": 25_000,
}
"""Options of every connection, those that this system has; seconds, and milliseconds for the last.
A server that vanished without a word, with its machine or behind a network that drops packets, is
given up after 25 s. A watch sends nothing, so it would never notice by itself."""

USER_AGENT = f"trifocal/{__version__}"


class TokenSource(Protocol):
    """Where the Authorization header comes from."""

    def authorization(self) -> str | None:
        """Value of the header now; None when TLS client certificates identify us."""

    async def renew(self) -> None:
        """The server refused the last value: look for a newer one."""


@dataclass(frozen=True, kw_only=True)
class Access:
    """What is needed to open a session."""

    server: str
    ssl_context: ssl.SSLContext | bool
    token: TokenSource
    proxy: str | None = None


class TokenFile:
    """A token that another process rewrites; read again whenever the file changes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._version: tuple[int, int] | None = None
        self._header: str | None = None

    def authorization(self) -> str | None:
        """`Bearer <token>` as the file says now."""
        stat = self._path.stat()
        version = (stat.st_ino, stat.st_mtime_ns)
        if version != self._version:
            self._header = f"Bearer {self._path.read_text().strip()}"
            self._version = version
        return self._header

    async def renew(self) -> None:
        """Forget the value, in case the file changed within the clock's resolution."""
        self._version = None


class KubeconfigToken:
    """A token from a kubeconfig, which is loaded again after the server refused it."""

    def __init__(
        self,
        path: str | None,
        header: str | None,
        clock: Callable[[], float],
        context: str | None = None,
    ) -> None:
        self._path = path
        self._context = context
        self._header = header
        self._clock = clock
        self._loaded_at = clock()

    def authorization(self) -> str | None:
        """The header of the last load."""
        return self._header

    async def renew(self) -> None:
        """Load the kubeconfig again, unless that was done a moment ago."""
        if self._clock() - self._loaded_at < RELOAD_SECONDS:
            return
        self._loaded_at = self._clock()
        self._header = _header(await _load_kubeconfig(self._path, self._context))


async def find_access(
    clock: Callable[[], float], kubeconfig: str | None = None, context: str | None = None
) -> Access:
    """Access from the given kubeconfig, $KUBECONFIG, the pod's ServiceAccount or ~/.kube/config.

    A context is one of a kubeconfig; without it, the kubeconfig's current one.

    Raises:
        kubernetes.aio.config.ConfigException: none of them leads to a cluster.
    """
    path = kubeconfig or os.environ.get("KUBECONFIG")
    if path is None and context is None and (SERVICE_ACCOUNT_DIR / "token").exists():
        return _in_cluster(SERVICE_ACCOUNT_DIR)
    loaded = await _load_kubeconfig(path, context)
    return Access(
        server=loaded.host,
        ssl_context=_ssl_context(loaded) if loaded.host.startswith("https") else False,
        token=KubeconfigToken(path, _header(loaded), clock, context),
        proxy=loaded.proxy,
    )


def _in_cluster(folder: Path) -> Access:
    host, port = os.environ["KUBERNETES_SERVICE_HOST"], os.environ["KUBERNETES_SERVICE_PORT"]
    return Access(
        server=f"https://{f'[{host}]' if ':' in host else host}:{port}",
        ssl_context=ssl.create_default_context(cafile=str(folder / "ca.crt")),
        token=TokenFile(folder / "token"),
    )


async def _load_kubeconfig(path: str | None, context: str | None) -> Any:
    loaded = Configuration()
    await kube_config.load_kube_config(  # type: ignore[no-untyped-call]
        config_file=path, context=context, client_configuration=loaded, persist_config=False
    )
    return loaded


def _header(loaded: Any) -> str | None:
    header: str | None = loaded.api_key.get("BearerToken")
    return header


def _ssl_context(loaded: Any) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=loaded.ssl_ca_cert)
    if loaded.cert_file:
        context.load_cert_chain(loaded.cert_file, keyfile=loaded.key_file)
    if not loaded.verify_ssl:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def authorize(token: TokenSource) -> aiohttp.ClientMiddlewareType:
    """Middleware that adds the token to each request, and once more after a refusal."""

    async def middleware(
        request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        sent = _authorize(request, token)
        response = await handler(request)
        if response.status != HTTPStatus.UNAUTHORIZED:
            return response
        await token.renew()
        if token.authorization() == sent:
            return response
        response.release()
        _authorize(request, token)
        return await handler(request)

    return middleware


def _authorize(request: aiohttp.ClientRequest, token: TokenSource) -> str | None:
    header = token.authorization()
    if header is not None:
        request.headers["Authorization"] = header
    return header


def open_socket(address: aiohttp.AddrInfoType) -> socket.socket:
    """A socket that notices when its peer is gone."""
    family, kind, protocol, _, _ = address
    opened = socket.socket(family, kind, protocol)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in KEEPALIVE.items():
        option: int | None = getattr(socket, name, None)
        if option is not None:
            opened.setsockopt(socket.IPPROTO_TCP, option, value)
    return opened


def open_session(
    access: Access, *, connections: int, middlewares: tuple[aiohttp.ClientMiddlewareType, ...] = ()
) -> aiohttp.ClientSession:
    """A session with at most this many connections; the caller closes it."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(
            limit=connections, ssl=access.ssl_context, socket_factory=open_socket
        ),
        middlewares=(*middlewares, authorize(access.token)),
        headers={"User-Agent": USER_AGENT},
        proxy=access.proxy,
        # Watch events can be longer than aiohttp's default buffer of 64 KiB.
        read_bufsize=2**21,
    )
