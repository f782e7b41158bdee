"""kubectl treats a ModelDeployment as one of its own kinds."""

import json
import re
from typing import Any

import pytest
import yaml

from tests.support.control_plane import ControlPlane
from tests.support.manifests import changed, digest, full, minimal

pytestmark = pytest.mark.integration

STATUS: dict[str, Any] = {
    "observedGeneration": 1,
    "conditions": [
        {
            "type": "Ready",
            "status": "True",
            "reason": "Ready",
            "message": "2 pods answer as recorded.",
            "observedGeneration": 1,
            "lastTransitionTime": "2026-11-25T10:00:00Z",
        }
    ],
    "optimization": {"request": digest("b"), "artifact": digest("d"), "chosen": "int8"},
    "revision": {"serving": "digits-0123456789", "wanted": "digits-0123456789"},
    "replicas": 2,
    "readyReplicas": 2,
    "selector": "trifocal.dev/model-deployment=digits",
    "summary": {"target": "onnxruntime/cpu", "replicas": "2/2", "p99": "12 ms"},
}


@pytest.fixture(name="namespace")
def _namespace(control_plane: ControlPlane) -> str:
    return control_plane.namespace()


def apply(plane: ControlPlane, manifest: dict[str, Any]) -> dict[str, Any]:
    """Server-side apply; the object as stored."""
    text = plane.must(
        "apply", "--server-side", "-f", "-", "-o", "json", stdin=yaml.safe_dump(manifest)
    )
    stored: dict[str, Any] = json.loads(text)
    return stored


def with_status(plane: ControlPlane, namespace: str, status: dict[str, Any]) -> None:
    apply(plane, minimal(namespace=namespace))
    path = f"/apis/trifocal.dev/v1alpha1/namespaces/{namespace}/modeldeployments/digits/status"
    merge = "application/merge-patch+json"
    code, answer = plane.request("PATCH", path, {"status": status}, content_type=merge)
    assert code == 200, answer


def test_what_is_left_out_is_filled_in(control_plane: ControlPlane, namespace: str) -> None:
    spec = apply(control_plane, minimal(namespace=namespace))["spec"]
    assert spec["model"]["format"] == "onnx"
    assert spec["model"]["preprocessing"] == {
        "resize": {"mode": "stretch", "interpolation": "bilinear"},
        "colorOrder": "RGB",
        "layout": "NCHW",
        "scale": 1 / 255,
        "mean": [0],
        "std": [1],
    }
    assert spec["optimization"]["targets"] == [{"runtime": "onnxruntime"}]
    assert spec["optimization"]["gate"] == {
        "accuracy": {"maxDrop": 0.01, "maxSliceDrop": 0.05},
        "agreement": {"minimum": 0.95},
    }
    assert spec["optimization"]["job"]["deadlineSeconds"] == 3600
    # What can be tried depends on the data; a default would forbid to add some later.
    assert not {"precisions", "pruning"} & spec["optimization"].keys()
    assert spec["serving"] == {
        "instances": 1,
        "batching": {"maxBatchSize": 8, "maxQueueDelayMicroseconds": 0},
        "resources": {},
    }
    assert (spec["replicas"], spec["serviceAccountName"], spec["suspend"]) == (1, "default", False)
    assert "scaling" not in spec


def test_every_field_is_stored_as_written(control_plane: ControlPlane, namespace: str) -> None:
    manifest = full(namespace=namespace)
    assert apply(control_plane, manifest)["spec"] == manifest["spec"]


def test_amounts_may_be_written_as_numbers(control_plane: ControlPlane, namespace: str) -> None:
    resources = {"requests": {"cpu": 1}, "limits": {"cpu": 2, "memory": 1073741824}}
    manifest = changed(minimal(namespace=namespace), "spec.serving.resources", resources)
    assert apply(control_plane, manifest)["spec"]["serving"]["resources"] == resources


def test_status_is_not_written_with_the_spec(control_plane: ControlPlane, namespace: str) -> None:
    manifest = {**minimal(namespace=namespace), "status": {"replicas": 7}}
    assert apply(control_plane, manifest)["status"] == {"observedGeneration": -1}, "the default"


def test_a_status_comes_back_as_it_was_written(control_plane: ControlPlane, namespace: str) -> None:
    with_status(control_plane, namespace, STATUS)
    text = control_plane.must("get", "mdep", "digits", "-n", namespace, "-o", "json")
    assert json.loads(text)["status"] == STATUS


def columns(table: str) -> list[list[str]]:
    return [re.split(r"\s{2,}", line.strip()) for line in table.splitlines()]


def test_get_prints_what_a_user_asks_first(control_plane: ControlPlane, namespace: str) -> None:
    with_status(control_plane, namespace, STATUS)
    header, row = columns(control_plane.must("get", "mdep", "-n", namespace))
    assert header == ["NAME", "READY", "REASON", "TARGET", "REPLICAS", "P99", "AGE"]
    assert row[:-1] == ["digits", "True", "Ready", "onnxruntime/cpu", "2/2", "12 ms"]
    header, row = columns(control_plane.must("get", "mdep", "-n", namespace, "-o", "wide"))
    assert header[-2:] == ["REVISION", "ARTIFACT"]
    assert row[-2:] == ["digits-0123456789", digest("d")]


def test_get_by_category_and_long_name(control_plane: ControlPlane, namespace: str) -> None:
    apply(control_plane, minimal(namespace=namespace))
    for word in ("serving", "modeldeployment", "modeldeployments.trifocal.dev"):
        printed = control_plane.must("get", word, "-n", namespace, "-o", "name")
        assert printed == "modeldeployment.trifocal.dev/digits\n"
    assert control_plane.must("get", "all", "-n", namespace, "-o", "name") == ""


def test_describe_shows_spec_and_conditions(control_plane: ControlPlane, namespace: str) -> None:
    with_status(control_plane, namespace, STATUS)
    printed = control_plane.must("describe", "mdep", "digits", "-n", namespace)
    assert re.search(r"Kind:\s+ModelDeployment", printed)
    assert re.search(r"Message:\s+2 pods answer as recorded\.", printed)


def test_explain_tells_type_and_meaning(control_plane: ControlPlane) -> None:
    printed = control_plane.must("explain", "mdep.spec.optimization.gate.accuracy.maxDrop")
    assert "FIELD: maxDrop <number>" in printed
    assert "Largest loss against the source; 0.01 is one percentage point." in printed
    recursive = control_plane.must("explain", "mdep.spec", "--recursive")
    scaling = recursive.partition("scaling\t<Object>\n")[2]
    assert re.search(r"^    maxReplicas\t<integer> -required-$", scaling, re.MULTILINE)


def test_scale_reads_and_writes_replicas(control_plane: ControlPlane, namespace: str) -> None:
    with_status(control_plane, namespace, STATUS)
    printed = control_plane.must("scale", "mdep", "digits", "-n", namespace, "--replicas=3")
    assert printed == "modeldeployment.trifocal.dev/digits scaled\n"
    path = f"/apis/trifocal.dev/v1alpha1/namespaces/{namespace}/modeldeployments/digits/scale"
    _, scale = control_plane.request("GET", path)
    assert scale["spec"] == {"replicas": 3}
    assert scale["status"] == {"replicas": 2, "selector": STATUS["selector"]}


def test_applying_again_without_replicas_keeps_what_scale_wrote(
    control_plane: ControlPlane, namespace: str
) -> None:
    apply(control_plane, minimal(namespace=namespace))
    control_plane.must("scale", "mdep", "digits", "-n", namespace, "--replicas=3")
    again = apply(control_plane, minimal(namespace=namespace))
    assert again["spec"]["replicas"] == 3


def test_wait_follows_ready(control_plane: ControlPlane, namespace: str) -> None:
    words = ("wait", "mdep/digits", "-n", namespace, "--for=condition=Ready")
    with_status(control_plane, namespace, STATUS)
    assert "condition met" in control_plane.must(*words, "--timeout=10s")
    ready = {**STATUS["conditions"][0], "status": "False"}
    with_status(control_plane, namespace, {"conditions": [ready]})
    assert control_plane.kubectl(*words, "--timeout=1s").returncode == 1


def test_an_unknown_field_is_a_warning_where_the_user_asks_for_that(
    control_plane: ControlPlane, namespace: str
) -> None:
    manifest = changed(minimal(namespace=namespace), "spec.model.lables", ["a"])
    done = control_plane.kubectl(
        "apply", "--validate=warn", "-f", "-", stdin=yaml.safe_dump(manifest)
    )
    assert done.returncode == 0
    assert done.stderr == 'Warning: unknown field "spec.model.lables"\n'


def test_two_managers_share_one_list_of_conditions(
    control_plane: ControlPlane, namespace: str
) -> None:
    apply(control_plane, minimal(namespace=namespace))
    path = f"/apis/trifocal.dev/v1alpha1/namespaces/{namespace}/modeldeployments/digits/status"
    ready = STATUS["conditions"][0]
    for manager, kind in (("trifocal", "Ready"), ("someone-else", "Audited")):
        body = {
            "apiVersion": "trifocal.dev/v1alpha1",
            "kind": "ModelDeployment",
            "status": {"conditions": [{**ready, "type": kind}]},
        }
        code, stored = control_plane.request(
            "PATCH",
            f"{path}?fieldManager={manager}&force=true",
            body,
            content_type="application/apply-patch+yaml",
        )
        assert code == 200, stored
    assert [each["type"] for each in stored["status"]["conditions"]] == ["Ready", "Audited"]
