"""Credentials as a mounted Secret holds them: one file for each key. Values never reach a log."""

from pathlib import Path

from trifocal.api.condition import Reason
from trifocal.artifacts.failure import RefusedError


def read_key(folder: Path, key: str) -> str | None:
    """Value of a key without its last line break; None when the Secret has no such key."""
    try:
        value = (folder / key).read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise _unusable(key) from error
    # Checked here, because the libraries below quote what they refuse in their errors.
    if not (value.isascii() and value.isprintable()):
        raise _unusable(key)
    return value


def _unusable(key: str) -> RefusedError:
    return RefusedError(
        Reason.CREDENTIALS_INVALID,
        f"Key {key} of the Secret is not one line of plain ASCII text; store it again, for "
        f"example with `kubectl create secret generic NAME --from-literal={key}=VALUE`.",
    )


def require_key(folder: Path, key: str, purpose: str) -> str:
    """Value of a key that must be there.

    Raises:
        RefusedError: It is missing or empty (CredentialsInvalid).
    """
    value = read_key(folder, key)
    if not value:
        raise RefusedError(
            Reason.CREDENTIALS_INVALID,
            f"The Secret for {purpose} has no key {key}; add it to the Secret.",
        )
    return value
