"""The CustomResourceDefinition, generated from the pydantic models.

Pydantic's JSON schema is not a structural schema: it has references, unions with null, constants
and exclusive bounds that Kubernetes refuses. `structural` rewrites exactly those.
"""

from collections.abc import Mapping
from typing import Any

import yaml
from typing_extensions import override

from trifocal.api.int_or_string import INT_OR_STRING
from trifocal.api.modeldeployment import ModelDeployment, ModelDeploymentSpec
from trifocal.api.rule import VALIDATION_KEYS, VALIDATIONS
from trifocal.api.schema import API_VERSION, GROUP, KIND, PLURAL, VERSION
from trifocal.api.status import ModelDeploymentStatus

SHORT_NAME = "mdep"
CATEGORY = "serving"
_LINE_WIDTH = 100
_HEADER = "# Generated from operator/trifocal/api by `make generate`; do not edit.\n"
_LIST_TYPE = "x-kubernetes-list-type"

Schema = dict[str, Any]

_KEPT = (
    *("type", INT_OR_STRING, "format", "description", "enum", "default", "required", "nullable"),
    *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"),
    *("minLength", "maxLength", "pattern", "minItems", "maxItems"),
    *(_LIST_TYPE, "x-kubernetes-list-map-keys", "x-kubernetes-map-type", VALIDATIONS),
    *("properties", "items"),
)
"""What a structural schema may say, in the order it is written."""


class _PlainDumper(yaml.SafeDumper):
    """Writes a value that occurs twice in full both times: people read this file."""

    @override
    def ignore_aliases(self, data: Any) -> bool:
        return True


def crd_yaml() -> str:
    """The CRD as the file in crds/ has it."""
    return _HEADER + yaml.dump(
        crd(), Dumper=_PlainDumper, sort_keys=False, width=_LINE_WIDTH, allow_unicode=True
    )


def crd() -> Schema:
    """The CRD as an object."""
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{PLURAL}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": KIND,
                "listKind": f"{KIND}List",
                "plural": PLURAL,
                "singular": KIND.lower(),
                "shortNames": [SHORT_NAME],
                "categories": [CATEGORY],
            },
            "versions": [_version()],
        },
    }


def _version() -> Schema:
    return {
        "name": VERSION,
        "served": True,
        "storage": True,
        "subresources": {
            "status": {},
            "scale": {
                "specReplicasPath": ".spec.replicas",
                "statusReplicasPath": ".status.replicas",
                "labelSelectorPath": ".status.selector",
            },
        },
        "additionalPrinterColumns": _printer_columns(),
        "schema": {"openAPIV3Schema": _root()},
    }


def _printer_columns() -> list[Schema]:
    ready = '.status.conditions[?(@.type=="Ready")]'
    shown = [
        _column("Ready", f"{ready}.status", "Whether the wanted revision serves."),
        _column("Reason", f"{ready}.reason", "Why, in one word."),
        _column("Target", ".status.summary.target", "Runtime and hardware."),
        _column("Replicas", ".status.summary.replicas", "Ready and desired pods."),
        _column("P99", ".status.summary.p99", "Measured 99th percentile of the latency."),
        {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
    ]
    wide = [
        _column("Revision", ".status.revision.serving", "Revision that has the traffic."),
        _column("Artifact", ".status.optimization.artifact", "Digest of the optimized model."),
    ]
    return [*shown, *({**column, "priority": 1} for column in wide)]


def _column(name: str, path: str, description: str) -> Schema:
    return {"name": name, "type": "string", "jsonPath": path, "description": description}


def _root() -> Schema:
    return {
        "type": "object",
        "description": "A vision model that is optimized for its hardware, served with Triton, and "
        "scaled to an objective.",
        "required": ["spec"],
        VALIDATIONS: [rule.validation() for rule in ModelDeployment.rules],
        "properties": {
            "apiVersion": {"type": "string", "description": f"Always {API_VERSION}."},
            "kind": {"type": "string", "description": f"Always {KIND}."},
            "metadata": {"type": "object"},
            "spec": structural(ModelDeploymentSpec.model_json_schema()),
            "status": _status(),
        },
    }


def _status() -> Schema:
    """With no default in it, which would come back from the server as a difference to write.

    Until Trifocal has written a status the server shows a generation that was never there: kstatus
    takes an object without a status for done. Flux's own kinds have the same default.
    """
    written = without_defaults(structural(ModelDeploymentStatus.model_json_schema()))
    return {**written, "default": {"observedGeneration": -1}}


def structural(schema: Mapping[str, Any]) -> Schema:
    """A JSON schema of pydantic as a structural schema of Kubernetes."""
    return _structural(schema, schema.get("$defs", {}))


def without_defaults(schema: Schema) -> Schema:
    """The structural schema of something that is never filled in."""
    found = {key: value for key, value in schema.items() if key != "default"}
    if "properties" in found:
        below = found["properties"].items()
        found["properties"] = {name: without_defaults(each) for name, each in below}
    if "items" in found:
        found["items"] = without_defaults(found["items"])
    return found


def _structural(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> Schema:
    found = _inlined(schema, definitions)
    if "const" in found:
        found["enum"] = [found.pop("const")]
    for bound in ("minimum", "maximum"):
        exclusive = "exclusive" + bound.capitalize()
        if exclusive in found:
            found |= {bound: found[exclusive], exclusive: True}
    if found.get("type") == "array":
        found["items"] = _structural(found["items"], definitions)
        found.setdefault(_LIST_TYPE, "atomic")
    if found.get("type") == "object":
        found["properties"] = {
            name: _structural(each, definitions) for name, each in found["properties"].items()
        }
        if "default" in found:
            found["default"] = _without_nulls(found["default"])
    if found.get("default") is None:
        found.pop("default", None)
    if VALIDATIONS in found:  # pydantic sorts keys, but a rule is read before its message
        found[VALIDATIONS] = [
            {key: each[key] for key in VALIDATION_KEYS if key in each}
            for each in found[VALIDATIONS]
        ]
    return {key: found[key] for key in _KEPT if key in found}


def _inlined(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> Schema:
    """The schema without a reference and without null; what stands beside either wins."""
    found = dict(schema)
    if "$ref" in found:
        name = found.pop("$ref").rpartition("/")[2]
        return _inlined({**definitions[name], **found}, definitions)
    if "anyOf" in found:
        (only,) = (each for each in found.pop("anyOf") if each.get("type") != "null")
        return _inlined({**only, **found}, definitions)
    return found


def _without_nulls(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return {name: _without_nulls(each) for name, each in value.items() if each is not None}
