"""An object that was stored under a released CRD is read and written under today's.

Both CRDs are copies under a group of their own, so that the real one stays as it is.
"""

import copy
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from hack.cluster.paths import REPOSITORY
from hack.cluster.polling import wait_until
from tests.golden.release import VERSIONS, released
from tests.support.control_plane import ControlPlane
from trifocal.api.crd import crd
from trifocal.api.manifest import parse
from trifocal.api.schema import API_VERSION

pytestmark = pytest.mark.integration

GROUP = "upgrade.trifocal.dev"
CRD_PATH = f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/modeldeployments.{GROUP}"
OBJECTS = f"/apis/{GROUP}/v1alpha1/namespaces/default/modeldeployments"
MERGE = "application/merge-patch+json"
APPLY = "application/apply-patch+yaml"
FIRST = VERSIONS[0]

Manifest = dict[str, Any]


def install(plane: ControlPlane, definition: Manifest) -> None:
    renamed = copy.deepcopy(definition)
    renamed["metadata"] = {"name": f"modeldeployments.{GROUP}"}
    renamed["spec"]["group"] = GROUP
    renamed["spec"]["names"] = {**renamed["spec"]["names"], "shortNames": [], "categories": []}
    query = "?fieldManager=test&force=true"
    code, answer = plane.request("PATCH", CRD_PATH + query, renamed, content_type=APPLY)
    assert code in {200, 201}, answer


@pytest.fixture(scope="module", name="stored")
def _stored(control_plane: ControlPlane) -> Iterator[dict[str, Manifest]]:
    """What the API server had of each object before its CRD was replaced."""
    first = yaml.safe_load((REPOSITORY / f"crds/released/{FIRST}.yaml").read_text())
    install(control_plane, first)
    wait_until(lambda: control_plane.answers(OBJECTS), "the released CRD is not served")
    before = {}
    for body, *_ in released(FIRST).values():
        metadata = {"name": body["metadata"]["name"], "namespace": "default"}
        whole = {**body, "apiVersion": f"{GROUP}/v1alpha1", "metadata": metadata}
        code, answer = control_plane.request("POST", OBJECTS, whole)
        assert code == 201, answer
        path = f"{OBJECTS}/{metadata['name']}"
        status = {"status": body["status"]}
        code, answer = control_plane.request("PATCH", f"{path}/status", status, content_type=MERGE)
        assert code == 200, answer
        before[path] = answer
    install(control_plane, crd())
    wait_until(
        lambda: (
            control_plane.request("GET", CRD_PATH)[1]["metadata"]["generation"] > 1
            or first["spec"] == crd()["spec"]
        ),
        "today's CRD is not taken",
    )
    yield before
    control_plane.request("DELETE", CRD_PATH)


def test_nothing_of_it_is_lost(control_plane: ControlPlane, stored: dict[str, Manifest]) -> None:
    for path, before in stored.items():
        _, now = control_plane.request("GET", path)
        assert now["status"] == before["status"]
        assert contains(now["spec"], before["spec"]), path
        parse({**now, "apiVersion": API_VERSION})


def test_its_status_and_its_spec_can_be_written(
    control_plane: ControlPlane, stored: dict[str, Manifest]
) -> None:
    for path in stored:
        for subresource, patch in (
            ("/status", {"status": {"replicas": 3}}),
            ("/scale", {"spec": {"replicas": 3}}),
            ("", {"spec": {"serving": {"instances": 3}}}),
        ):
            dry = f"{path}{subresource}?dryRun=All"
            code, answer = control_plane.request("PATCH", dry, patch, content_type=MERGE)
            assert code == 200, answer


def contains(now: Any, before: Any) -> bool:
    """Whether everything that was there still is; defaults of new fields may have come."""
    if isinstance(before, dict):
        return all(name in now and contains(now[name], each) for name, each in before.items())
    return bool(now == before)
