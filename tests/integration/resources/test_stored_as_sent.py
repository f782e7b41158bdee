"""The children of the golden ModelDeployments on a real API server."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.golden.render import INPUTS, SETTINGS, children, load
from tests.support import priority_class
from tests.support.control_plane import ControlPlane
from trifocal.reconcile.apply import NOBODYS_VERSION
from trifocal.resources.headroom import headroom_deployment
from trifocal.resources.products import optimized_for, products_of

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


def answer_to(plane: ControlPlane, manifest: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
    """Of a server-side apply that refuses fields which the API server does not know."""
    meta = manifest["metadata"]
    path = PATHS[manifest["kind"]].format(meta["namespace"], meta["name"])
    return plane.request(
        "PATCH",
        f"{path}?fieldManager=trifocal&force=true&fieldValidation=Strict",
        manifest,
        content_type="application/apply-patch+yaml",
    )


def apply(plane: ControlPlane, manifest: Mapping[str, Any]) -> dict[str, Any]:
    status, stored = answer_to(plane, manifest)
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


def test_with_the_version_of_nothing_an_apply_makes_and_never_takes_over(
    control_plane: ControlPlane, path: Path
) -> None:
    """No document promises it, and that a name is never taken from another's object rests on it."""
    namespace = control_plane.namespace()
    for manifest in children(load(path)):
        sent = in_namespace(manifest, namespace)
        sent["metadata"] = {**sent["metadata"], "resourceVersion": NOBODYS_VERSION}
        status, made = answer_to(control_plane, sent)
        assert status == 201
        status, refusal = answer_to(
            control_plane, {**sent, "metadata": {**sent["metadata"], "labels": {"taken": "over"}}}
        )
        assert (status, refusal["reason"]) == (409, "Conflict")
        kept = PATHS[sent["kind"]].format(namespace, sent["metadata"]["name"])
        assert control_plane.request("GET", kept) == (200, made)


def test_pods_are_admitted_where_the_restricted_standard_is_enforced(
    control_plane: ControlPlane, path: Path
) -> None:
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    namespace = control_plane.namespace(**labels)
    md = load(path)
    if md.spec.service_account_name != "default":
        control_plane.must("-n", namespace, "create", "sa", md.spec.service_account_name)
    priority_class.install(control_plane)
    wanted, admitted = [], []
    for manifest in children(md):
        if manifest["kind"] not in {"Job", "Deployment"}:
            continue
        wanted.append(manifest["metadata"]["name"])
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": manifest["metadata"]["name"]},
            "spec": manifest["spec"]["template"]["spec"],
        }
        made = control_plane.must(
            *("-n", namespace, "create", "--validate=strict", "-o", "name", "-f", "-"),
            stdin=json.dumps(pod),
        )
        admitted.append(made.strip().removeprefix("pod/"))
    assert admitted == wanted
    jobs, deployments = len(optimized_for(md)), len(products_of(md))
    assert len(admitted) == jobs + deployments + (md.spec.serving.headroom is not None)


def test_the_stored_revision_gives_the_placeholders_of_the_sent_one(
    control_plane: ControlPlane, path: Path
) -> None:
    """They are shaped after either, and must not change because of the API server's defaults."""
    namespace = control_plane.namespace()
    md = load(path)
    found = (in_namespace(m, namespace) for m in children(md) if m["kind"] == "Deployment")
    sent = next(each for each in found if "trifocal.dev/revision" in each["metadata"]["labels"])
    stored = apply(control_plane, sent)
    made = [headroom_deployment(md, each, 1, SETTINGS) for each in (sent, stored)]
    assert made[0] == made[1]
