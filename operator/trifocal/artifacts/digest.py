"""sha256 of files and streams, without holding them in memory."""

import hashlib
from pathlib import Path


def file_digest(path: Path) -> str:
    """sha256:<hex> of a file's bytes."""
    with path.open("rb") as stream:
        return f"sha256:{hashlib.file_digest(stream, 'sha256').hexdigest()}"
