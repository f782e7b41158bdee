"""Where bytes lie, as the process that reads them sees it. Pure; nothing here opens a URI."""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

from trifocal.api.condition import Reason
from trifocal.artifacts.failure import RefusedError

SCHEMES = ("file", "http", "https", "s3")


def _has_host(parts: SplitResult) -> bool:
    try:
        return bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is no number, or above 65535
        return False


@dataclass(frozen=True, kw_only=True)
class Place:
    """A URI with what is needed to open it. A file:// URI is a path on this machine."""

    uri: str
    endpoint: str | None = None
    """URL of an S3-compatible server; None means Amazon S3."""
    credentials_dir: Path | None = None
    """Folder with one file for each key of a Secret."""

    def __post_init__(self) -> None:
        """Refuse what no part of Trifocal can open.

        Raises:
            RefusedError: The scheme is unknown, or a file:// URI names another machine.
        """
        parts = urlsplit(self.uri)
        if parts.scheme not in SCHEMES:
            raise RefusedError(
                Reason.SOURCE_REFUSED,
                f"{self.shown} has the scheme '{parts.scheme}'; use one of "
                f"{', '.join(f'{scheme}://' for scheme in SCHEMES)}.",
            )
        if parts.scheme in {"http", "https"} and not _has_host(parts):
            raise RefusedError(
                Reason.SOURCE_REFUSED,
                f"{self.shown} has no valid host and port; write {parts.scheme}://host/path.",
            )
        if parts.scheme == "file" and parts.netloc not in {"", "localhost"}:
            raise RefusedError(
                Reason.SOURCE_REFUSED,
                f"{self.shown} names the host '{parts.netloc}', but a file:// URI is a path on a "
                f"volume; write file:///path with three slashes.",
            )

    @property
    def scheme(self) -> str:
        """One of SCHEMES."""
        return urlsplit(self.uri).scheme

    @property
    def path(self) -> str:
        """What fsspec calls the path: /folder/file for file://, bucket/key for s3://."""
        if self.scheme == "s3":
            return self.uri.removeprefix("s3://").rstrip("/")
        return unquote(urlsplit(self.uri).path)

    @property
    def shown(self) -> str:
        """The URI for messages: no user, no password, and no query, which may hold a token."""
        parts = urlsplit(self.uri)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
