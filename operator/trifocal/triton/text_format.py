"""Sample lines of Prometheus' text format: name, labels, value. Pure.

The format is 0.0.4, which Triton answers with:
https://prometheus.io/docs/instrumenting/exposition_formats/#text-format-details. The parser of
`prometheus_client` reads every line of a text, character by character; here the lines that nobody
asked for cost next to nothing. The tests hold one against the other.
"""

import re
from collections.abc import Collection, Iterator, Mapping

_LABEL = r'([a-zA-Z_]\w*+)[ \t]*+=[ \t]*+"([^"\\]*+(?:\\.[^"\\]*+)*+)"[ \t]*+'
_AFTER_BRACE = re.compile(
    rf"[ \t]*+((?:{_LABEL}(?:,[ \t]*+|(?=}})))*+)}}"
    r"[ \t]*+(?P<value>[^\s_]++)(?:[ \t]++-?[0-9]++)?+\s*+",
    re.ASCII,
)
"""Labels with commas between them and perhaps behind, a value, and perhaps a time. Nothing is
tried twice, so that a hostile line takes no longer than its length."""
_EACH_LABEL = re.compile(_LABEL, re.ASCII)
_ESCAPE = re.compile(r'\\([\\n"])')
_SHOWN = 100
"""Characters of a line in an error: enough to find it."""


def samples(text: str, names: Collection[str]) -> Iterator[tuple[str, Mapping[str, str], float]]:
    """Name, labels and value of every sample that has labels and one of these names.

    Timestamps are left out. Lines of other names may be what they like.

    Raises:
        ValueError: A line of one of these names is no sample.
    """
    for line in text.split("\n"):
        before, opened, after = line.partition("{")
        if opened and (name := before.strip()) in names:
            found = _AFTER_BRACE.fullmatch(after)
            if not found:
                raise ValueError(f"{line[:_SHOWN]!r} is no sample.")
            yield name, _labels(found[1]), float(found["value"])


def _labels(text: str) -> dict[str, str]:
    pairs = _EACH_LABEL.findall(text)
    if "\\" not in text:
        return dict(pairs)
    return {name: _ESCAPE.sub(_unescaped, value) for name, value in pairs}


def _unescaped(escape: re.Match[str]) -> str:
    return "\n" if escape[1] == "n" else escape[1]
