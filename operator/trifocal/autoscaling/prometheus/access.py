"""How Prometheus is reached: its address, what proves who asks, and whom TLS trusts.

Files are read at each use: a mounted Secret or a ServiceAccount's token changes while the
operator runs.
"""

import ssl
from base64 import b64encode
from dataclasses import dataclass
from pathlib import Path

from trifocal.autoscaling.prometheus.answer import PrometheusError


@dataclass(frozen=True, kw_only=True)
class PrometheusAccess:
    """Where Prometheus is, and the files that open it."""

    url: str
    """Its root, as in `http://prometheus.monitoring:9090`; `/api/v1/query` is added."""
    token_file: Path | None = None
    """Sent as `Authorization: Bearer ...`."""
    basic_auth: Path | None = None
    """Folder with the files `username` and `password`, as a Secret of basic-auth is mounted."""
    ca_file: Path | None = None
    """Certificates that are trusted instead of the system's."""

    @property
    def query_url(self) -> str:
        """Where instant queries go."""
        return f"{self.url.rstrip('/')}/api/v1/query"

    def headers(self) -> dict[str, str]:
        """What proves who asks.

        Raises:
            PrometheusError: A file cannot be read, or holds what no header can.
        """
        if self.token_file:
            return {"Authorization": f"Bearer {_secret(self.token_file)}"}
        if self.basic_auth:
            user, password = (_secret(self.basic_auth / n) for n in ("username", "password"))
            return {"Authorization": f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}"}
        return {}


class Trust:
    """The TLS context of a file of certificates, made anew when the file has changed."""

    def __init__(self, ca_file: Path | None) -> None:
        self._file = ca_file
        self._made: tuple[int, ssl.SSLContext] | None = None

    def context(self) -> ssl.SSLContext | bool:
        """What aiohttp takes as `ssl`; True stands for the system's certificates.

        Raises:
            PrometheusError: The file cannot be read or holds no certificate.
        """
        if self._file is None:
            return True
        try:
            changed = self._file.stat().st_mtime_ns
            if self._made is None or self._made[0] != changed:
                self._made = changed, ssl.create_default_context(cafile=self._file)
        except (OSError, ssl.SSLError) as error:
            raise PrometheusError(
                f"{self._file} gives no certificates to trust ({error})."
            ) from error
        return self._made[1]


def _secret(file: Path) -> str:
    try:
        text = file.read_text().strip()
    except (OSError, ValueError) as error:
        raise PrometheusError(f"{file} cannot be read ({error}).") from error
    if not text or not text.isprintable():
        raise PrometheusError(f"{file} must hold one line of text and holds something else.")
    return text
