"""The digests in modeldeployment.yaml: read, and written without touching anything else."""

import re
from collections.abc import Mapping

_DIGEST = re.compile(
    r"(?P<before>uri: file:///(?P<file>\S+)\n(?:[^\n]*\n){0,3}?\s*digest: )"
    r"(?P<digest>sha256:[0-9a-f]{64})"
)
"""A file's uri, and its digest within the next lines."""


def digests(manifest: str) -> dict[str, str]:
    """Digest of each file that the manifest pins, by file name."""
    return {match["file"]: match["digest"] for match in _DIGEST.finditer(manifest)}


def with_digests(manifest: str, found: Mapping[str, str]) -> str:
    """The manifest, comments and all, pinning these digests instead."""
    return _DIGEST.sub(lambda match: match["before"] + found[match["file"]], manifest)
