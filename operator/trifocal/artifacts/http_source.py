"""Opens one http(s) URL for reading: checked addresses, no change of host, bounded waits."""

import socket
import ssl
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from ipaddress import ip_address
from urllib.parse import SplitResult, quote, urljoin, urlsplit

from typing_extensions import override

from trifocal.api.condition import Reason
from trifocal.artifacts.addresses import Address, check_addresses, check_host
from trifocal.artifacts.credentials import require_key
from trifocal.artifacts.failure import InterruptedWorkError, RefusedError, WorkError
from trifocal.artifacts.place import Place

CONNECT_SECONDS = 15.0
"""Longest wait for a connection: three SYN retransmissions, as in the Linux default."""
READ_SECONDS = 60.0
"""Longest silence while reading; a total limit is the Job's deadline."""
MAX_REDIRECTS = 5
REDIRECTS = frozenset({301, 302, 303, 307, 308})
CREDENTIAL_STATUSES = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})
PASSING_STATUSES = frozenset(
    {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS}
)
DEFAULT_PORTS = {"http": 80, "https": 443}

_AS_WRITTEN = "!#$%&'()*+,/:;=?@[]~"
"""Characters that stay as the user wrote them; others are percent-encoded."""

Resolve = Callable[[str, int], Sequence[Address]]
"""Host and port to the addresses that a connection may use."""


def system_resolver(host: str, port: int) -> Sequence[Address]:
    """Addresses as the machine's resolver gives them."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [ip_address(str(entry[4][0]).partition("%")[0]) for entry in found]


def checked_addresses(host: str, port: int, resolve: Resolve) -> Sequence[Address]:
    """Resolve a host and refuse it if it is, or resolves to, a metadata service.

    Raises:
        RefusedError: SourceRefused.
        InterruptedWorkError: SourceUnreachable, when the name cannot be resolved.
    """
    check_host(host)
    try:
        addresses = resolve(host, port)
    except OSError as error:
        raise InterruptedWorkError(
            Reason.SOURCE_UNREACHABLE,
            f"The host name {host} cannot be resolved ({error.strerror or error}); "
            f"check the host in the URI.",
        ) from error
    check_addresses(host, addresses)
    return addresses


@contextmanager
def open_http(place: Place, resolve: Resolve = system_resolver) -> Iterator[HTTPResponse]:
    """Answer of a GET with status 200, redirects on the same host followed.

    Raises:
        RefusedError: SourceRefused, SourceUnreachable or CredentialsInvalid.
        InterruptedWorkError: SourceUnreachable.
    """
    headers = {"User-Agent": "trifocal", "Accept-Encoding": "identity"}
    if place.credentials_dir is not None:
        headers["Authorization"] = require_key(
            place.credentials_dir, "AUTHORIZATION", f"{place.scheme}:// locations"
        )
    with _translated(place):
        url = urlsplit(place.uri)
        for _ in range(MAX_REDIRECTS):
            with (
                closing(_connect(url, resolve)) as connection,
                closing(_get(connection, url, headers)) as response,
            ):
                if response.status not in REDIRECTS:
                    _check_status(response, place)
                    yield response
                    return
                url = _redirected(url, response.headers.get("Location", ""), place)
    raise RefusedError(
        Reason.SOURCE_REFUSED,
        f"{place.shown} redirects more than {MAX_REDIRECTS} times; use the final URL.",
    )


@contextmanager
def _translated(place: Place) -> Iterator[None]:
    try:
        yield
    except WorkError:
        raise
    except ssl.SSLCertVerificationError as error:
        raise RefusedError(
            Reason.SOURCE_UNREACHABLE,
            f"The certificate of {place.shown} is not trusted ({error.verify_message}); "
            f"use a host with a certificate that this image trusts.",
        ) from error
    except (ConnectionError, TimeoutError, socket.gaierror, ssl.SSLError, HTTPException) as error:
        raise InterruptedWorkError(
            Reason.SOURCE_UNREACHABLE,
            f"{place.shown} cannot be reached ({_brief(error)}); check the URI, the server and "
            f"the network policies of this namespace.",
        ) from error


def _brief(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def _port(url: SplitResult) -> int:
    return url.port or DEFAULT_PORTS[url.scheme]


def _connect(url: SplitResult, resolve: Resolve) -> HTTPConnection:
    host = url.hostname or ""
    addresses = checked_addresses(host, _port(url), resolve)
    if url.scheme == "https":
        return _PinnedTls(host, _port(url), addresses)
    return _Pinned(host, _port(url), addresses)


def _dial(addresses: Sequence[Address], port: int) -> socket.socket:
    """Connect to one of the checked addresses.

    Asking the resolver a second time could be answered differently (DNS rebinding).
    """
    failure: OSError = ConnectionError("the host name has no address")
    for address in addresses:
        try:
            connection = socket.create_connection((str(address), port), CONNECT_SECONDS)
        except OSError as error:
            failure = error
        else:
            connection.settimeout(READ_SECONDS)
            return connection
    if isinstance(failure, ConnectionError | TimeoutError):
        raise failure
    raise ConnectionError(failure.errno, failure.strerror) from failure


class _Pinned(HTTPConnection):
    """HTTP to an address that has been checked."""

    def __init__(self, host: str, port: int, addresses: Sequence[Address]) -> None:
        super().__init__(host, port)
        self._addresses = addresses

    @override
    def connect(self) -> None:
        self.sock = _dial(self._addresses, self.port)


class _PinnedTls(HTTPSConnection):
    """HTTPS to an address that has been checked; the certificate is checked for the name."""

    def __init__(self, host: str, port: int, addresses: Sequence[Address]) -> None:
        self._tls = ssl.create_default_context()
        super().__init__(host, port, context=self._tls)
        self._addresses = addresses

    @override
    def connect(self) -> None:
        plain = _dial(self._addresses, self.port)
        self.sock = self._tls.wrap_socket(plain, server_hostname=self.host)


def _get(connection: HTTPConnection, url: SplitResult, headers: Mapping[str, str]) -> HTTPResponse:
    path = (url.path or "/") + (f"?{url.query}" if url.query else "")
    target = quote(path, safe=_AS_WRITTEN)
    connection.request("GET", target, headers=dict(headers))
    return connection.getresponse()


def _redirected(url: SplitResult, location: str, place: Place) -> SplitResult:
    """Follow only on the same host and never from https to http: the header goes along."""
    target = urlsplit(urljoin(url.geturl(), location))
    same_host = target.hostname == url.hostname
    same_port = target.scheme == url.scheme and _port(target) == _port(url)
    upgrade = (url.scheme, target.scheme, _port(url), _port(target)) == ("http", "https", 80, 443)
    if location and same_host and (same_port or upgrade):
        return target
    raise RefusedError(
        Reason.SOURCE_REFUSED,
        f"{place.shown} redirects to {target.scheme}://{target.netloc.rpartition('@')[2]}, and "
        f"redirects to another host are not followed; use the final URL.",
    )


def _check_status(response: HTTPResponse, place: Place) -> None:
    status = response.status
    if status == HTTPStatus.OK:
        return
    answer = f"{place.shown} answered {status} {response.reason}"
    if status in CREDENTIAL_STATUSES:
        hint = (
            "check the AUTHORIZATION key of the Secret"
            if place.credentials_dir
            else "it needs credentials: name a Secret with the key AUTHORIZATION in secretRef"
        )
        raise RefusedError(Reason.CREDENTIALS_INVALID, f"{answer}; {hint}.")
    if status in PASSING_STATUSES or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        raise InterruptedWorkError(Reason.SOURCE_UNREACHABLE, f"{answer}; check the server.")
    raise RefusedError(Reason.SOURCE_UNREACHABLE, f"{answer}; check the URI.")
