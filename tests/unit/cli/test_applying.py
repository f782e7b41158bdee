"""A dry run is what the next `kubectl apply` would do, by whoever applied the object before."""

import json
from typing import Any

from trifocal.cli.plan.applying import LAST_APPLIED, applier, last_applied, three_way_patch


def test_what_the_last_manifest_had_and_the_file_has_not_goes_away() -> None:
    """RFC 7386: null removes a member; a list is replaced whole."""
    before = {"spec": {"a": 1, "b": {"x": 1, "y": 2}, "list": [1, 2]}}
    wanted = {"spec": {"b": {"x": 3}, "list": [2], "c": {"new": True}}}
    assert three_way_patch(before, wanted) == {
        "spec": {"a": None, "b": {"x": 3, "y": None}, "list": [2], "c": {"new": True}}
    }


def test_what_others_wrote_is_not_mentioned() -> None:
    assert three_way_patch({}, {"spec": {"a": 1}}) == {"spec": {"a": 1}}


def test_a_map_that_becomes_a_value_is_replaced() -> None:
    assert three_way_patch({"a": {"b": 1}}, {"a": 2}) == {"a": 2}
    assert three_way_patch({"a": 2}, {"a": {"b": 1}}) == {"a": {"b": 1}}


def live(*entries: dict[str, Any], annotations: dict[str, str] | None = None) -> dict[str, Any]:
    return {"metadata": {"managedFields": list(entries), "annotations": annotations}}


def entry(manager: str, operation: str = "Apply", **more: Any) -> dict[str, Any]:
    return {"manager": manager, "operation": operation, "fieldsV1": {"f:spec": {}}, **more}


def test_the_applier_is_who_owns_most_and_never_the_operator_or_an_editor() -> None:
    assert applier(live()) is None
    assert applier(live(entry("kubectl-edit", "Update"))) is None
    assert applier(live(entry("trifocal", subresource="status"))) is None
    flux = entry("kustomize-controller", fieldsV1={"f:spec": {"f:model": {}, "f:artifacts": {}}})
    assert applier(live(entry("hpa"), flux, entry("trifocal", subresource="status"))) == (
        "kustomize-controller"
    )


def test_what_kubectl_noted_is_the_last_manifest() -> None:
    noted = {"spec": {"replicas": 2}}
    assert last_applied(live(annotations={LAST_APPLIED: json.dumps(noted)})) == noted
    assert last_applied(live()) == {}
