"""Manifests as people edit them: a field set by its path, and YAML with comments above fields.

PyYAML writes no comments, so they are put where it says that a key is.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import yaml

Path = tuple[str, ...]
"""Keys from the document's root to a field."""

_WIDTH = 10_000
"""No line is broken: a comment may stand between any two."""


def changed(value: Mapping[str, Any], path: Path, new: Any) -> dict[str, Any]:
    """A copy with the field at that path set; maps on the way are made."""
    first, *rest = path
    inner = value.get(first) or {}
    return {**value, first: changed(inner, tuple(rest), new) if rest else new}


def without(value: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """A copy without the field at that path."""
    first, *rest = path
    if not rest:
        return {key: each for key, each in value.items() if key != first}
    return {**value, first: without(value.get(first) or {}, tuple(rest))}


def commented(value: Mapping[str, Any], comments: Mapping[Path, Sequence[str]]) -> str:
    """The document, with each comment's lines above the field at its path.

    Raises:
        KeyError: There is no such field.
    """
    text = yaml.safe_dump(value, sort_keys=False, width=_WIDTH, allow_unicode=True)
    root = yaml.compose(text)
    above: dict[int, list[str]] = {}
    for path, lines in comments.items():
        key = _key(root, path)
        indent = " " * key.start_mark.column
        above[key.start_mark.line] = [f"{indent}# {line}" for line in lines]
    written = text.splitlines()
    return "".join(
        f"{each}\n"
        for number, line in enumerate(written)
        for each in (*above.get(number, ()), line)
    )


def _key(node: Any, path: Path) -> Any:
    """The node of the last key."""
    first, *rest = path
    for key, value in node.value:
        if key.value == first:
            return _key(value, tuple(rest)) if rest else key
    raise KeyError(path)
