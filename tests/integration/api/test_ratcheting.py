"""A rule that is added later does not lock the objects that are older than it.

Kubernetes leaves out rules on values that an update does not change (ratcheting), which works
only for rules that compare nothing with a former self.
"""

import copy
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

import pytest

from hack.cluster.polling import wait_until
from tests.support.control_plane import ControlPlane
from tests.support.manifests import changed, minimal
from trifocal.api.crd import crd
from trifocal.api.rule import VALIDATIONS

pytestmark = pytest.mark.integration

GROUP = "ratcheting.trifocal.dev"
"""A copy of the CRD under another group: the rules of the real one stay as they are."""
CRD_PATH = f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/modeldeployments.{GROUP}"
OBJECTS = f"/apis/{GROUP}/v1alpha1/namespaces/default/modeldeployments"
MERGE = "application/merge-patch+json"
APPLY = "application/apply-patch+yaml"


def without_rules(value: Any) -> Any:
    """The schema as it was before there were rules."""
    if isinstance(value, dict):
        return {key: without_rules(each) for key, each in value.items() if key != VALIDATIONS}
    return value


def install(plane: ControlPlane, definition: dict[str, Any]) -> None:
    renamed = copy.deepcopy(definition)
    renamed["metadata"]["name"] = f"modeldeployments.{GROUP}"
    renamed["spec"]["group"] = GROUP
    renamed["spec"]["names"] = {**renamed["spec"]["names"], "shortNames": [], "categories": []}
    query = "?fieldManager=test&force=true"
    code, answer = plane.request("PATCH", CRD_PATH + query, renamed, content_type=APPLY)
    assert code in {HTTPStatus.OK, HTTPStatus.CREATED}, answer


def manifest(*changes: tuple[str, Any]) -> dict[str, Any]:
    made = {**minimal(), "apiVersion": f"{GROUP}/v1alpha1"}
    for path, value in changes:
        made = changed(made, path, value)
    return made


@pytest.fixture(scope="module", name="old_object")
def _old_object(control_plane: ControlPlane) -> Iterator[str]:
    """Path of an object that breaks rules which came after it."""
    real = crd()
    old = copy.deepcopy(real)
    (version,) = old["spec"]["versions"]
    version["schema"] = without_rules(version["schema"])
    install(control_plane, old)
    wait_until(lambda: control_plane.answers(OBJECTS), "the copy is not served")
    bad = manifest(
        ("metadata.name", "old.object"),
        ("spec.model.source.digest", "md5:1234"),
        ("spec.optimization.precisions", ["int8"]),
    )
    code, answer = control_plane.request("POST", OBJECTS, bad)
    assert code == HTTPStatus.CREATED, answer
    install(control_plane, real)
    wait_until(
        lambda: (
            control_plane.request("POST", f"{OBJECTS}?dryRun=All", bad)[0]
            == HTTPStatus.UNPROCESSABLE_ENTITY
        ),
        "the rules are not enforced",
    )
    yield f"{OBJECTS}/old.object"
    control_plane.request("DELETE", CRD_PATH)


def patch(plane: ControlPlane, path: str, body: dict[str, Any]) -> int:
    return plane.request("PATCH", path, body, content_type=MERGE)[0]


def test_its_status_can_be_written(control_plane: ControlPlane, old_object: str) -> None:
    assert patch(control_plane, f"{old_object}/status", {"status": {"replicas": 1}}) == 200


def test_it_can_be_scaled_and_labelled(control_plane: ControlPlane, old_object: str) -> None:
    assert patch(control_plane, f"{old_object}/scale", {"spec": {"replicas": 3}}) == 200
    assert patch(control_plane, old_object, {"metadata": {"labels": {"team": "vision"}}}) == 200


def test_an_unrelated_field_can_be_changed(control_plane: ControlPlane, old_object: str) -> None:
    assert patch(control_plane, old_object, {"spec": {"serving": {"instances": 2}}}) == 200


def test_what_is_changed_has_to_follow_the_rules(
    control_plane: ControlPlane, old_object: str
) -> None:
    source = {"spec": {"model": {"source": {"digest": "md5:5678"}}}}
    assert patch(control_plane, old_object, source) == HTTPStatus.UNPROCESSABLE_ENTITY
    precisions = {"spec": {"optimization": {"precisions": ["int8", "fp32"]}}}
    assert patch(control_plane, old_object, precisions) == HTTPStatus.UNPROCESSABLE_ENTITY
