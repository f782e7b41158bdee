"""Opens file:// and s3:// through fsspec, and turns their errors into sentences.

S3 goes through obstore's fsspec class: s3fs needs botocore, whose urllib3 pin conflicts with
the Kubernetes client's.
"""

import errno
import os
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from typing import Any, BinaryIO
from urllib.parse import urlsplit

import fsspec
from obstore.exceptions import BaseError as ObjectStoreError
from obstore.exceptions import PermissionDeniedError, UnauthenticatedError
from obstore.fsspec import FsspecStore

from trifocal.api.condition import Reason
from trifocal.artifacts.credentials import read_key, require_key
from trifocal.artifacts.failure import InterruptedWorkError, RefusedError
from trifocal.artifacts.http_source import DEFAULT_PORTS, checked_addresses, system_resolver
from trifocal.artifacts.place import Place

DEFAULT_REGION = "us-east-1"
"""What S3-compatible servers expect in a signature when they know no regions."""
S3_CLIENT_OPTIONS: Mapping[str, Any] = {
    "connect_timeout": timedelta(seconds=15),
    "timeout": timedelta(seconds=120),  # of one request; files are read and written in parts
}
S3_RETRIES: Mapping[str, Any] = {
    "max_retries": 6,
    "retry_timeout": timedelta(seconds=60),
    "backoff": {
        "init_backoff": timedelta(seconds=0.5),
        "base": 3,
        "max_backoff": timedelta(seconds=15),
    },
}
"""A store that is too busy is waited for, about 20 s in all: the Job's own retry repeats the whole
work. object_store's defaults draw each wait between 0.1 s and twice the last one, which after six
is little more than a second."""
AMBIENT_CREDENTIALS = (
    "AWS_ACCESS_KEY_ID",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
)
"""Set where the platform gives the pod an identity of its own, or the user a laptop's."""


def open_filesystem(place: Place) -> Any:
    """Open the fsspec file system of a file:// or s3:// place.

    Raises:
        RefusedError: CredentialsInvalid or SourceRefused.
        InterruptedWorkError: SourceUnreachable, when the endpoint's name cannot be resolved.
    """
    if place.scheme == "file":
        return fsspec.filesystem("file", auto_mkdir=True, skip_instance_cache=True)
    if place.scheme != "s3":
        raise RefusedError(
            Reason.SOURCE_REFUSED,
            f"{place.shown} cannot hold artifacts; use file:// or s3://.",
        )
    plain = (place.endpoint or "").startswith("http://")
    make: Any = FsspecStore  # its overloads leave out fsspec's own arguments
    return make(
        "s3",
        config=_s3_config(place),
        client_options={**S3_CLIENT_OPTIONS, "allow_http": plain},
        retry_config=S3_RETRIES,
        skip_instance_cache=True,
    )


def open_to_read(filesystem: Any, path: str) -> AbstractContextManager[BinaryIO]:
    """Open a file; whatever is wrong with it is raised here.

    The size is asked for first: obstore's file class, when it learns in its constructor that a
    file is missing or denied, complains once more on stderr when it is collected.
    """
    size = filesystem.info(path)["size"]
    stream: AbstractContextManager[BinaryIO] = filesystem.open(path, "rb", size=size)
    return stream


def _s3_config(place: Place) -> Any:
    config: dict[str, Any] = {"region": DEFAULT_REGION}
    if place.endpoint:
        url = urlsplit(place.endpoint)
        checked_addresses(
            url.hostname or "", url.port or DEFAULT_PORTS[url.scheme], system_resolver
        )
        config |= {"endpoint": place.endpoint.rstrip("/"), "virtual_hosted_style_request": False}
    folder = place.credentials_dir
    if folder is None:
        # Without this the client would ask the node's metadata service for the node's identity.
        return config | ({} if _ambient() else {"skip_signature": True})
    for key in ("access_key_id", "secret_access_key"):
        config[key] = require_key(folder, f"AWS_{key.upper()}", "s3:// locations")
    for key in ("session_token", "region"):
        if value := read_key(folder, f"AWS_{key.upper()}"):
            config[key] = value
    return config


def _ambient() -> bool:
    return any(os.environ.get(name) for name in AMBIENT_CREDENTIALS)


@contextmanager
def explained(place: Place, reason: Reason) -> Iterator[None]:
    """Turn a file system's errors into the two kinds of failure, with this reason if no better.

    Raises:
        RefusedError: DiskFull, CredentialsInvalid, or the given reason.
        InterruptedWorkError: The given reason, when the store is away or the disk failed.
    """
    try:
        yield
    except FileNotFoundError as error:
        raise RefusedError(reason, f"{place.shown} does not exist; check the URI.") from error
    except OSError as error:
        raise _explained_os_error(error, place, reason) from error
    except (PermissionDeniedError, UnauthenticatedError) as error:
        raise _denied(place, reason) from error
    except ObjectStoreError as error:
        if "NoSuchBucket" in str(error):  # object_store has no type of its own for it
            raise RefusedError(
                reason, f"The bucket of {place.shown} does not exist; check the URI and endpoint."
            ) from error
        raise InterruptedWorkError(
            reason,
            f"{place.shown} cannot be reached ({_first_line(error)}); check the URI, the "
            f"endpoint and the network policies of this namespace.",
        ) from error


def _explained_os_error(
    error: OSError, place: Place, reason: Reason
) -> RefusedError | InterruptedWorkError:
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return disk_full(f"the volume of {place.shown}")
    if error.errno in {errno.EACCES, errno.EPERM, errno.EROFS}:
        return RefusedError(
            reason,
            f"{place.shown} may not be used by user {os.getuid()} ({error.strerror}); make the "
            f"volume readable, and writable where artifacts are kept, for that user or fsGroup.",
        )
    if error.errno in {errno.ENOTDIR, errno.EEXIST, errno.EISDIR, errno.ENAMETOOLONG, errno.ELOOP}:
        return RefusedError(reason, f"{place.shown} is not what is expected ({error.strerror}).")
    return InterruptedWorkError(
        reason, f"{place.shown} failed ({error.strerror or error}); check the volume."
    )


def disk_full(where: str) -> RefusedError:
    """No space left: more of the same would fail the same way."""
    return RefusedError(
        Reason.DISK_FULL,
        f"No space is left on {where}; raise spec.optimization.job.scratchSize or give the "
        f"volume more room.",
    )


def _denied(place: Place, reason: Reason) -> RefusedError:
    what = "write there" if reason is Reason.STORE_UNWRITABLE else "read it"
    if place.credentials_dir is None:
        hint = "it needs credentials: name a Secret in secretRef"
    else:
        hint = f"the credentials of the Secret do not allow to {what}"
    final = reason if reason is Reason.STORE_UNWRITABLE else Reason.CREDENTIALS_INVALID
    return RefusedError(final, f"Access to {place.shown} was denied; {hint}.")


def _first_line(error: Exception) -> str:
    """object_store's errors are long and hold the request's URL, whose query may be signed."""
    return str(error).strip().splitlines()[0].partition("?")[0][:200]
