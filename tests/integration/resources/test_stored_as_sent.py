"""The children of the golden ModelDeployments on a real API server."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.golden.render import INPUTS, children, load
from tests.support.control_plane import ControlPlane

pytestmark = [
    pytest.mark.integration,
    pytest.mark.parametrize("path", INPUTS, ids=lambda path: path.stem),
]

PATHS = {
    "ConfigMap": "/api/v1/namespaces/{}/configmaps/{}",
    "Service": "/api/v1/namespaces/{}/services/{}",
    "Job": "/apis/batch/v1/namespaces/{}/jobs/{}",
    "Deployment": "/apis/apps/v1/namespaces/{}/deployments/{}",
    "NetworkPolicy": "/apis/networking.k8s.io/v1/namespaces/{}/networkpolicies/{}",
    "PodDisruptionBudget": "/apis/policy/v1/namespaces/{}/poddisruptionbudgets/{}",
}


def in_namespace(manifest: dict[str, Any], namespace: str) -> dict[str, Any]:
    return {**manifest, "metadata": {**manifest["metadata"], "namespace": namespace}}


def apply(plane: ControlPlane, manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Server-side apply that refuses fields which the API server does not know."""
    meta = manifest["metadata"]
    path = PATHS[manifest["kind"]].format(meta["namespace"], meta["name"])
    status, stored = plane.request(
        "PATCH",
        f"{path}?fieldManager=trifocal&force=true&fieldValidation=Strict",
        manifest,
        content_type="application/apply-patch+yaml",
    )
    assert status in {200, 201}, stored["message"]
    return stored


def differences(sent: Any, stored: Any, path: str = "") -> list[str]:
    """Paths of what was sent and is stored otherwise; what the server added does not matter."""
    if isinstance(sent, Mapping) and isinstance(stored, Mapping):
        return [d for key in sent for d in differences(sent[key], stored.get(key), f"{path}.{key}")]
    if isinstance(sent, Sequence) and not isinstance(sent, str) and isinstance(stored, Sequence):
        if len(sent) != len(stored):
            return [f"{path}: {len(sent)} entries sent, {len(stored)} stored"]
        pairs = enumerate(zip(sent, stored, strict=True))
        return [d for i, (a, b) in pairs for d in differences(a, b, f"{path}[{i}]")]
    return (
        [] if sent == stored or (not sent and stored is None) else [f"{path}: {sent} -> {stored}"]
    )


def test_every_field_is_stored_as_it_is_sent(control_plane: ControlPlane, path: Path) -> None:
    """Otherwise comparing what is wanted with what is stored would differ for ever."""
    namespace = control_plane.namespace()
    for manifest in children(load(path)):
        sent = in_namespace(manifest, namespace)
        assert differences(sent, apply(control_plane, sent)) == []


def test_applying_again_writes_nothing(control_plane: ControlPlane, path: Path) -> None:
    namespace = control_plane.namespace()
    manifests = [in_namespace(each, namespace) for each in children(load(path))]
    versions = [apply(control_plane, m)["metadata"]["resourceVersion"] for m in manifests]
    again = [apply(control_plane, m)["metadata"]["resourceVersion"] for m in manifests]
    assert again == versions


def test_pods_are_admitted_where_the_restricted_standard_is_enforced(
    control_plane: ControlPlane, path: Path
) -> None:
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    namespace = control_plane.namespace(**labels)
    md = load(path)
    if md.spec.service_account_name != "default":
        control_plane.must("-n", namespace, "create", "sa", md.spec.service_account_name)
    admitted = []
    for manifest in children(md):
        if manifest["kind"] not in {"Job", "Deployment"}:
            continue
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": manifest["metadata"]["name"]},
            "spec": manifest["spec"]["template"]["spec"],
        }
        control_plane.must(
            "-n", namespace, "create", "--validate=strict", "-f", "-", stdin=json.dumps(pod)
        )
        admitted.append(manifest["kind"])
    assert admitted == ["Job", "Deployment"]
