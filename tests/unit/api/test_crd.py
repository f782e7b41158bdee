"""The CRD is a structural schema, is bounded and explained, and its files are up to date."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from trifocal.api.crd import crd, crd_yaml, structural

REPOSITORY = Path(__file__).parents[3]
ROOT = crd()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]


def leaves(schema: dict[str, Any], path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every schema at or below this one, with its path."""
    yield path, schema
    for name, each in schema.get("properties", {}).items():
        yield from leaves(each, f"{path}.{name}")
    if "items" in schema:
        yield from leaves(schema["items"], f"{path}[]")


SPEC = dict(leaves(ROOT["spec"], "spec"))
STATUS = dict(leaves(ROOT["status"], "status"))


@pytest.mark.parametrize("folder", ["crds", "charts/trifocal/files"])
def test_the_generated_file_is_up_to_date(folder: str) -> None:
    text = (REPOSITORY / folder / "modeldeployments.yaml").read_text()
    assert text == crd_yaml(), "run `make generate`"


def test_the_text_is_the_object_and_deterministic() -> None:
    assert yaml.safe_load(crd_yaml()) == crd()
    assert crd_yaml() == crd_yaml()
    assert "&id" not in crd_yaml()


def test_it_is_small_enough_for_client_side_apply() -> None:
    # kubectl keeps the whole object in an annotation, and annotations may hold 262144 bytes.
    assert len(json.dumps(crd())) < 262144 / 2


@pytest.mark.parametrize("path", SPEC)
def test_nothing_a_user_writes_is_without_a_bound(path: str) -> None:
    schema = SPEC[path]
    needed = {
        "string": "enum" in schema or "maxLength" in schema,
        "array": "maxItems" in schema and "x-kubernetes-list-type" in schema,
        "integer": "enum" in schema or {"minimum", "maximum"} <= schema.keys(),
        "object": "additionalProperties" not in schema,
    }
    assert needed.get(schema.get("type", ""), True)


@pytest.mark.parametrize("path", [path for path in SPEC if not path.endswith("[]")])
def test_every_field_is_explained_in_a_sentence(path: str) -> None:
    assert SPEC[path].get("description", "").endswith((".", ")"))


def test_a_status_that_nobody_has_written_speaks_of_no_generation() -> None:
    assert STATUS["status"]["default"] == {"observedGeneration": -1}


@pytest.mark.parametrize("path", [path for path in STATUS if path != "status"])
def test_status_has_no_defaults_that_would_look_like_a_difference(path: str) -> None:
    assert "default" not in STATUS[path]


def test_conditions_are_a_map_by_type() -> None:
    conditions = STATUS["status.conditions"]
    assert conditions["x-kubernetes-list-type"] == "map"
    assert conditions["x-kubernetes-list-map-keys"] == ["type"]


def test_labels_are_replaced_as_a_whole_because_their_order_has_a_meaning() -> None:
    assert SPEC["spec.model.labels"]["x-kubernetes-list-type"] == "atomic"


def test_no_default_puts_an_entry_into_a_list_that_is_merged() -> None:
    """Nobody would own that entry, so no server-side apply could ever take it away again."""
    merged = {p: s for p, s in SPEC.items() if s.get("x-kubernetes-list-type") in {"map", "set"}}
    assert {
        path: schema["default"] for path, schema in merged.items() if schema.get("default")
    } == {}


@pytest.mark.parametrize(
    ("pydantic", "kubernetes"),
    [
        ({"const": 1, "type": "integer"}, {"type": "integer", "enum": [1]}),
        (
            {"type": "number", "exclusiveMinimum": 0},
            {"type": "number", "minimum": 0, "exclusiveMinimum": True},
        ),
        (
            {"type": "number", "exclusiveMaximum": 9},
            {"type": "number", "maximum": 9, "exclusiveMaximum": True},
        ),
        ({"anyOf": [{"type": "string"}, {"type": "null"}], "default": None}, {"type": "string"}),
        (
            {"$ref": "#/$defs/A", "description": "Here.", "$defs": {"A": {"type": "boolean"}}},
            {"type": "boolean", "description": "Here."},
        ),
        (
            {"type": "array", "items": {"type": "string", "title": "T"}},
            {"type": "array", "items": {"type": "string"}, "x-kubernetes-list-type": "atomic"},
        ),
        (
            {"type": "object", "properties": {}, "additionalProperties": False, "title": "T"},
            {"type": "object", "properties": {}},
        ),
    ],
)
def test_what_kubernetes_refuses_in_a_json_schema_is_rewritten(
    pydantic: dict[str, Any], kubernetes: dict[str, Any]
) -> None:
    assert structural(pydantic) == kubernetes


def test_numbers_that_may_all_be_absent_are_applied_as_a_whole() -> None:
    """Field by field, the API server would keep a null where the last one was, and refuse it."""
    assert STATUS["status.scaling.inputs"]["x-kubernetes-map-type"] == "atomic"
