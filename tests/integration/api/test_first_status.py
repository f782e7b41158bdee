"""Before Trifocal has looked at an object, nobody takes it for done."""

import pytest

from tests.support.control_plane import ControlPlane
from tests.support.kstatus import KStatus, compute
from tests.support.manifests import minimal

pytestmark = pytest.mark.integration

PATH = "/apis/trifocal.dev/v1alpha1/namespaces/{}/modeldeployments"
APPLY = "application/apply-patch+yaml"


def test_a_new_object_is_in_progress_and_its_first_status_replaces_that(
    control_plane: ControlPlane,
) -> None:
    namespace = control_plane.namespace()
    objects = PATH.format(namespace)
    code, created = control_plane.request("POST", objects, minimal(namespace=namespace))
    assert code == 201, created
    assert compute(created).status is KStatus.IN_PROGRESS
    _, read = control_plane.request("GET", f"{objects}/digits")
    assert read["status"] == {"observedGeneration": -1}
    applied = minimal(namespace=namespace)
    del applied["spec"]
    query = "status?fieldManager=trifocal&force=true"
    body = {**applied, "status": {"observedGeneration": 1}}
    code, answer = control_plane.request(
        "PATCH", f"{objects}/digits/{query}", body, content_type=APPLY
    )
    assert (code, answer["status"]) == (200, {"observedGeneration": 1})
