"""JSON schemas for kubeconform, from what Kubernetes publishes of its API and from CRDs.

kubeconform's own come from a website. These are made of the documents that an API server serves
itself (OpenAPI v3), which lie in Kubernetes' Go module. Fields that are not in them are refused, as
`kubectl apply` refuses them.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import yaml

Schema: TypeAlias = Mapping[str, Any]

TEMPLATE = "{{ .ResourceKind }}{{ .KindSuffix }}.json"
"""Of a schema's file, in kubeconform's words: deployment-apps-v1.json, service-v1.json."""
_REF = "#/components/schemas/"
_KINDS = "x-kubernetes-group-version-kind"
_OPEN = "x-kubernetes-preserve-unknown-fields"


def write_kubernetes(documents: Path, folder: Path) -> None:
    """Write a schema for each kind of a folder of OpenAPI v3 documents."""
    for path in documents.glob("*.json"):
        components = json.loads(path.read_text()).get("components") or {}
        schemas = components.get("schemas") or {}
        for name, schema in schemas.items():
            for kind in schema.get(_KINDS, ()):
                whole = {"$ref": f"#/definitions/{name}", "definitions": _used(name, schemas)}
                _write(folder, kind["group"], kind["version"], kind["kind"], whole)


def write_crds(files: Iterable[Path], folder: Path) -> None:
    """Write a schema for each version of CustomResourceDefinitions."""
    for path in files:
        spec = yaml.safe_load(path.read_text())["spec"]
        for version in spec["versions"]:
            schema = _closed(version["schema"]["openAPIV3Schema"])
            _write(folder, spec["group"], version["name"], spec["names"]["kind"], schema)


def _used(name: str, schemas: Schema) -> dict[str, Any]:
    """A schema and all that it refers to, at any depth."""
    found: dict[str, Any] = {}
    left = [name]
    while left:
        each = left.pop()
        if each not in found:
            found[each] = _closed(schemas[each])
            left.extend(_referred(schemas[each]))
    return found


def _referred(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        # A property may be named $ref, and its value is then a schema.
        if isinstance(value.get("$ref"), str):
            yield value["$ref"].removeprefix(_REF)
        for each in value.values():
            yield from _referred(each)
    if isinstance(value, list):
        for each in value:
            yield from _referred(each)


def _closed(value: Any) -> Any:
    """A schema in which an object with fields has no others; references point into one file."""
    if isinstance(value, list):
        return [_closed(each) for each in value]
    if not isinstance(value, dict):
        return value
    made = {key: _closed(each) for key, each in value.items()}
    if isinstance(made.get("$ref"), str):
        made["$ref"] = "#/definitions/" + made["$ref"].removeprefix(_REF)
    is_object = isinstance(value.get("properties"), dict) and value.get("type") == "object"
    if is_object and not value.get(_OPEN):
        made.setdefault("additionalProperties", False)
    return made


def _write(folder: Path, group: str, version: str, kind: str, schema: Schema) -> None:
    """Named as `TEMPLATE` has it: of a group only what stands before its first dot."""
    parts = (kind.lower(), group.partition(".")[0], version)
    name = "-".join(part for part in parts if part)
    (folder / f"{name}.json").write_text(json.dumps(schema))
