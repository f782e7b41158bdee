"""Digests as people see them."""

_SHOWN = 19
"""Characters: `sha256:` and twelve hex digits, as docker does."""


def short(digest: str) -> str:
    """The beginning, by which a digest is told from any other."""
    return digest[:_SHOWN]
