"""The last release's CRD against today's, and the comparison itself on pairs made by hand."""

import copy
from typing import Any

import pytest
import yaml

from hack.cluster.paths import REPOSITORY
from tests.support.crd_changes import breaking_changes
from trifocal.api.crd import crd

RELEASED = sorted(
    (REPOSITORY / "crds/released").glob("*.yaml"),
    key=lambda path: tuple(map(int, path.stem.split("."))),
)
FIELD = {"type": "string", "maxLength": 8}
RULE = {"rule": "self.a != 'x'", "message": "a must not be x."}


def definition(spec: dict[str, Any], **version: Any) -> dict[str, Any]:
    """A CRD whose `spec` has this schema."""
    root = {"type": "object", "properties": {"spec": spec, "status": {"type": "object"}}}
    whole = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": root}}
    names = {"kind": "It", "plural": "its", "singular": "it"}
    spec = {"group": "g", "scope": "Namespaced", "names": names, "versions": [{**whole, **version}]}
    return {"spec": spec}


def with_field(**keywords: Any) -> dict[str, Any]:
    return definition({"type": "object", "properties": {"a": {**FIELD, **keywords}}})


def with_rule(*rules: dict[str, Any], at_root: bool = False) -> dict[str, Any]:
    made = with_field()
    root = made["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    (root if at_root else root["properties"]["spec"])["x-kubernetes-validations"] = list(rules)
    return made


ADDITIVE = {
    "the same": (with_field(), with_field()),
    "a field": (with_field(), definition({"type": "object", "properties": {"a": FIELD, "b": {}}})),
    "words": (with_field(description="One."), with_field(description="Another.")),
    "wider bounds": (with_field(minLength=2), with_field(minLength=1, maxLength=9)),
    "no bound": (with_field(pattern="^a$"), with_field()),
    "one more value": (with_field(enum=["x"]), with_field(enum=["x", "y"])),
    "any value": (with_field(enum=["x"]), with_field()),
    "a rule on a field": (with_rule(), with_rule(RULE)),
    "a rule at creation": (
        with_rule(at_root=True),
        with_rule({**RULE, "optionalOldSelf": True}, at_root=True),
    ),
    "a list that becomes one value": (
        with_field(
            type="array",
            **{"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]},
        ),
        with_field(type="array", **{"x-kubernetes-list-type": "atomic"}),
    ),
    "a default inside a default": (
        with_field(type="object", default={"x": {"y": 1}}),
        with_field(type="object", default={"x": {"y": 1, "z": 2}}),
    ),
}


@pytest.mark.parametrize("name", ADDITIVE)
def test_what_adds_is_no_break(name: str) -> None:
    assert breaking_changes(*ADDITIVE[name]) == ()


BREAKING = {
    "field removed": (
        with_field(),
        definition({"type": "object", "properties": {}}),
        "spec.a is gone: what users wrote there is dropped.",
    ),
    "required": (
        with_field(),
        definition({"type": "object", "properties": {"a": FIELD}, "required": ["a"]}),
        "spec now requires a: manifests without it are refused.",
    ),
    "type": (with_field(), with_field(type="integer"), "Type of spec.a was 'string' and is"),
    "list type": (
        with_field(type="array", **{"x-kubernetes-list-type": "atomic"}),
        with_field(type="array", **{"x-kubernetes-list-type": "set"}),
        "X-kubernetes-list-type of spec.a was 'atomic' and is 'set'.",
    ),
    "default": (with_field(default="x"), with_field(default="y"), "Default of spec.a was 'x'"),
    "new default": (with_field(), with_field(default="y"), "Default of spec.a was None"),
    "upper bound": (
        with_field(),
        with_field(maxLength=7),
        "maxLength of spec.a was 8 and is 7: values between are refused.",
    ),
    "new bound": (with_field(), with_field(minLength=1), "minLength of spec.a was unset and is 1"),
    "exclusive": (
        with_field(minimum=0),
        with_field(minimum=0, exclusiveMinimum=True),
        "exclusiveMinimum of spec.a was unset and is True",
    ),
    "enum": (
        with_field(enum=["x", "y"]),
        with_field(enum=["y"]),
        "spec.a does not take x any more.",
    ),
    "new enum": (with_field(), with_field(enum=["y"]), "spec.a now takes only y"),
    "pattern": (with_field(), with_field(pattern="^a$"), "Pattern of spec.a was None"),
    "in a list": (
        with_field(type="array", items={"type": "string"}),
        with_field(type="array", items={"type": "integer"}),
        "Type of spec.a[] was 'string'",
    ),
    "rule on everything": (with_rule(), with_rule(RULE, at_root=True), "would refuse even the"),
    "transition rule": (with_rule(), with_rule({"rule": "self.a == oldSelf.a"}), "would refuse"),
    "version": (
        with_field(),
        definition({"type": "object"}, name="v2"),
        "Version v1 is not served any more",
    ),
    "subresource": (
        definition({"type": "object"}, subresources={"status": {}}),
        definition({"type": "object"}),
        "The subresource status of v1 was {} and is None.",
    ),
}


@pytest.mark.parametrize("name", BREAKING)
def test_what_takes_away_is_named_in_a_sentence(name: str) -> None:
    old, new, said = BREAKING[name]
    (found,) = breaking_changes(old, new)
    assert found.startswith(said) or said in found


def test_names_and_scope_are_for_ever() -> None:
    moved = copy.deepcopy(with_field())
    moved["spec"] |= {"scope": "Cluster", "names": {**moved["spec"]["names"], "plural": "them"}}
    assert len(breaking_changes(with_field(), moved)) == 2


@pytest.mark.parametrize("path", RELEASED, ids=lambda path: path.stem)
def test_todays_crd_takes_nothing_away_from_a_released_one(path: Any) -> None:
    lost = breaking_changes(yaml.safe_load(path.read_text()), crd())
    assert lost == (), (
        f"Manifests or stored objects of {path.stem} would break: {' '.join(lost)} Add a field "
        "beside the old one instead, or make the change in a new version of the API."
    )
