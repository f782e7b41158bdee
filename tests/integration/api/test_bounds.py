"""Every bound in the CRD's spec is one that the API server enforces."""

from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import pytest
from typing_extensions import override

from tests.support.control_plane import ControlPlane
from tests.support.manifests import changed, full
from trifocal.api.crd import crd

pytestmark = pytest.mark.integration

COLLECTION = "/apis/trifocal.dev/v1alpha1/namespaces/default/modeldeployments?dryRun=All"
SPEC = crd()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]


EXCLUDED = {"spec.serving.accelerator.products": ["NVIDIA-L4"]}
"""Lists that `full` leaves out, because another of its fields excludes them."""


@dataclass(frozen=True)
class Violation:
    """A value just outside one bound of one field."""

    path: str
    keyword: str
    value: Any

    @override
    def __str__(self) -> str:
        return f"{self.path}-{self.keyword}"


def violations(schema: dict[str, Any], path: str) -> Iterator[Violation]:
    """One for each bound at or below a schema."""
    for keyword, value in outside(schema):
        yield Violation(path, keyword, value)
    for name, each in schema.get("properties", {}).items():
        yield from violations(each, f"{path}.{name}")
    if "items" in schema:
        yield from violations(schema["items"], f"{path}.0")


def outside(schema: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """(keyword, a value that breaks it) for the bounds of one schema."""
    step = 1 if schema.get("type") == "integer" else 0.001
    if "minimum" in schema:
        exclusive = schema.get("exclusiveMinimum", False)
        yield "minimum", schema["minimum"] - (0 if exclusive else step)
    if "maximum" in schema:
        yield "maximum", schema["maximum"] + step
    if "maxLength" in schema:
        yield "maxLength", (schema["maxLength"] + 1) * "1"
    if "minLength" in schema:
        yield "minLength", ""
    if "enum" in schema:
        yield "enum", 42 if schema["type"] == "integer" else "other"
    if "maxItems" in schema:
        yield "maxItems", (schema["maxItems"] + 1) * [example(schema["items"])]
    if "minItems" in schema:
        yield "minItems", (schema["minItems"] - 1) * [example(schema["items"])]


def example(item: dict[str, Any]) -> Any:
    """An item of a list that is legal by itself."""
    by_type = {"string": "a", "integer": 1, "number": 1.0, "object": {"name": "a", "shape": [1]}}
    return item["enum"][0] if "enum" in item else by_type[item["type"]]


def create(plane: ControlPlane, manifest: dict[str, Any]) -> tuple[int, list[dict[str, str]]]:
    status, answer = plane.request("POST", COLLECTION, manifest)
    return status, answer.get("details", {}).get("causes", [])


def test_the_manifest_that_is_varied_is_legal(control_plane: ControlPlane) -> None:
    assert create(control_plane, full()) == (HTTPStatus.CREATED, [])


@pytest.mark.parametrize("violation", list(violations(SPEC, "spec")), ids=str)
def test_a_value_outside_is_refused(violation: Violation, control_plane: ControlPlane) -> None:
    whole = full()
    for path, value in EXCLUDED.items():
        if violation.path.startswith(f"{path}."):
            whole = changed(whole, path, value)
    manifest = changed(whole, violation.path, violation.value)
    status, causes = create(control_plane, manifest)
    field = violation.path.replace(".0", "[0]")
    assert status == HTTPStatus.UNPROCESSABLE_ENTITY
    assert field in {cause["field"] for cause in causes}
