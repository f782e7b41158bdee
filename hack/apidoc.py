"""`python -m hack.apidoc`: the reference of the API as Markdown, made from the CRD."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from trifocal.api.crd import crd
from trifocal.api.schema import API_VERSION, KIND

Schema = Mapping[str, Any]

_HEAD = f"""\
<!-- Generated from the CRD by `make generate`; do not edit. -->
# {KIND} ({API_VERSION})

The same words as `kubectl explain mdep --recursive`. **Bold** fields are required. Defaults are
filled in by the API server. The examples are in [examples/](../../../examples).
"""


def reference(schema: Schema) -> str:
    """A section for `spec`, `status` and every object inside them."""
    fields = schema["properties"]
    parts = [_HEAD]
    for name in ("spec", "status"):
        parts += _sections(name, fields[name])
    return "\n".join(parts)


def _sections(path: str, schema: Schema) -> Iterator[str]:
    yield f"## {path}\n"
    if words := schema.get("description"):
        yield f"{_text(words)}\n"
    yield "| field | type | default | meaning |\n|---|---|---|---|"
    required = schema.get("required", ())
    for name, field in schema["properties"].items():
        shown = f"**{name}**" if name in required else name
        default = f"`{json.dumps(field['default'])}`" if _has_shown_default(field) else ""
        yield f"| {shown} | {_type(path, name, field)} | {default} | {_cell(field)} |"
    yield ""
    for name, field in schema["properties"].items():
        inner = _inner(field)
        if "properties" in inner:
            yield from _sections(_inner_path(path, name, field), inner)


def _has_shown_default(field: Schema) -> bool:
    """An object's default repeats its fields' own."""
    return "default" in field and "properties" not in field


def _inner(field: Schema) -> Schema:
    inner: Schema = field["items"] if field.get("type") == "array" else field
    return inner


def _inner_path(path: str, name: str, field: Schema) -> str:
    return f"{path}.{name}[]" if field.get("type") == "array" else f"{path}.{name}"


def _type(path: str, name: str, field: Schema) -> str:
    inner = _inner(field)
    kind = "integer or string" if inner.get("x-kubernetes-int-or-string") else inner.get("type", "")
    if "properties" in inner:
        target = _inner_path(path, name, field)
        kind = f"[{kind}](#{''.join(c for c in target.lower() if c.isalnum())})"
    elif "enum" in inner:
        kind = " ".join(f"`{value}`" for value in inner["enum"])
    if bounds := _bounds(inner):
        kind = f"{kind}, {bounds}"
    return f"list of {kind}" if field.get("type") == "array" else kind


def _bounds(field: Schema) -> str:
    low, high = field.get("minimum"), field.get("maximum")
    if low is None and high is None:
        return ""
    above = "more than" if field.get("exclusiveMinimum") else "from"
    return " ".join(
        part
        for part in (
            f"{above} {low}" if low is not None else "",
            f"to {high}" if high is not None else "",
        )
        if part
    )


def _cell(field: Schema) -> str:
    return _text(field.get("description", "")).replace("|", "\\|")


def _text(words: str) -> str:
    """On one line, with nothing that Markdown takes for HTML."""
    return " ".join(words.split()).replace("<", "&lt;")


if __name__ == "__main__":
    print(reference(crd()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]), end="")
