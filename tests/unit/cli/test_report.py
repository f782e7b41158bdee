"""A secret that was put into any place does not appear in the bundle, and what helps does."""

import io
import json
import tarfile
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.support import results
from tests.support.manifests import Manifest, changed
from tests.support.world import World, world
from trifocal.cli.report.bundle import archive, files, logs_of
from trifocal.cli.report.redaction import REDACTED, redacted, scrubbed
from trifocal.cli.seen import Seen
from trifocal.optimizer.contract import OptimizationResult
from trifocal.reconcile.served_specs import SERVED_SPECS_ANNOTATION

CANARY = "c4n4ry"
"""Part of every secret below."""


def good(_digest: str, _body: Manifest) -> OptimizationResult:
    return results.artifact()


def canaries() -> Iterator[str]:
    """A new one each time, so that a failure names its place."""
    number = 0
    while True:
        number += 1
        yield f"{CANARY}{number}x"


NEXT = canaries()


def sidecar() -> Manifest:
    """As an admission webhook injects it."""
    return {
        "name": "mesh",
        "image": "mesh:1",
        "args": ["--join", next(NEXT)],
        "command": ["mesh", next(NEXT)],
        "env": [{"name": "MESH_JOIN", "value": next(NEXT)}],
        "livenessProbe": {
            "exec": {"command": ["probe", next(NEXT)]},
            "httpGet": {"httpHeaders": [{"name": "X-Join", "value": next(NEXT)}]},
        },
        "lifecycle": {"preStop": {"exec": {"command": ["leave", next(NEXT)]}}},
    }


def planted() -> tuple[Seen, dict[str, str], Manifest]:
    """A model that serves, with a secret in every place that somebody could put one into."""
    w = world(good)
    w.settle()
    plant_in_object(w)
    for (kind, _), child in w.objects.items():
        child["metadata"].setdefault("annotations", {})["example.com/login"] = next(NEXT)
        child["metadata"].setdefault("labels", {})["example.com/tenant"] = next(NEXT)
        child["metadata"]["managedFields"] = [{"manager": next(NEXT)}]
        if kind == "Pod":
            plant_in_pod(child)
        if kind == "ConfigMap":
            child["data"]["note"] = f"https://u:{next(NEXT)}@h/p"
    words = f"Failed to pull https://me:{next(NEXT)}@registry/v2?sig={next(NEXT)}"
    event = {"kind": "Event", "message": words, "reason": "Failed", "involvedObject": {}}
    seen = Seen(body=w.body, md=None, observed=w.look(), events=(event,))
    log = f"connecting with password={next(NEXT)} to s3://b/k\nAuthorization: Bearer {next(NEXT)}\n"
    operator = {
        "kind": "Deployment",
        "metadata": {"name": "trifocal-operator"},
        "spec": {"template": {"spec": {"containers": [sidecar()]}}},
    }
    return seen, {"logs/digits-0.triton.log": log}, operator


def plant_in_object(w: World) -> None:
    w.body["metadata"]["annotations"] = {
        "kubectl.kubernetes.io/last-applied-configuration": json.dumps({"spec": next(NEXT)}),
        "example.com/login": next(NEXT),
    }
    source = f"https://models.example.com/m.onnx?X-Amz-Signature={next(NEXT)}"
    w.body = changed(w.body, "spec.model.source.uri", source)
    conditions = w.body["status"]["conditions"]
    conditions[0]["message"] = f"GET s3://key:{next(NEXT)}@bucket/m?token={next(NEXT)} failed"


def plant_in_pod(pod: Manifest) -> None:
    pod["spec"]["containers"].append(sidecar())
    pod["spec"].setdefault("initContainers", []).append(sidecar())
    pod["spec"]["ephemeralContainers"] = [sidecar()]
    for container in pod["spec"]["containers"]:
        container.setdefault("env", []).append({"name": "EXTRA", "value": next(NEXT)})
    driver = {"driver": "secrets.example.com", "volumeAttributes": {"login": next(NEXT)}}
    pod["spec"].setdefault("volumes", []).append({"name": "csi", "csi": driver})
    ended = {"exitCode": 1, "message": f"secret_key: '{next(NEXT)}'"}
    pod["status"]["containerStatuses"] = [
        {"name": "triton", "state": {"running": {}}, "lastState": {"terminated": ended}}
    ]


def bundle() -> dict[str, str]:
    seen, logs, operator = planted()
    now = world(good).now
    explained = f"explained with token {REDACTED} and password: {next(NEXT)}"
    return files(seen, explanation=explained, logs=logs, operators=(operator,), now=now)


def test_no_secret_is_in_any_file_nor_in_the_archive() -> None:
    contents = bundle()
    now = world(good).now
    packed = archive(contents, "trifocal-digits", now)
    with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
        members = tar.getmembers()
        read = {m.name: tar.extractfile(m).read().decode() for m in members}  # type: ignore[union-attr]  # files only
    assert read == {f"trifocal-digits/{name}": text for name, text in contents.items()}
    found = [
        (name, line) for name, text in read.items() for line in text.splitlines() if CANARY in line
    ]
    assert found == []
    assert {member.mode for member in members} == {0o600}


def test_the_plants_were_in_the_ground() -> None:
    """Or the test above would prove nothing."""
    seen, logs, operator = planted()
    ground = json.dumps([seen.body, seen.events, logs, operator, list(seen.observed.pods)])
    assert ground.count(CANARY) > 30


def test_what_helps_is_there() -> None:
    contents = bundle()
    assert set(contents) >= {"README.txt", "explain.txt", "object.yaml", "events.yaml"}
    body = yaml.safe_load(contents["object.yaml"])
    assert body["spec"]["model"]["source"]["digest"] == f"sha256:{64 * 'a'}"
    assert body["spec"]["model"]["source"]["uri"] == "https://models.example.com/m.onnx"
    assert body["status"]["optimization"]["chosen"] == "fp16"
    [pod] = [
        yaml.safe_load(text)
        for name, text in contents.items()
        if name.startswith("children/pod-") and "-opt-" not in name
    ]
    triton = next(c for c in pod["spec"]["containers"] if c["name"] == "triton")
    assert triton["image"] == "nvcr.io/nvidia/tritonserver:26.07-py3"
    assert triton["args"] != [REDACTED]
    assert {"name": "EXTRA", "value": REDACTED} in triton["env"]
    assert pod["metadata"]["labels"]["trifocal.dev/model-deployment"] == "digits"
    assert "Failed to pull https://registry/v2" in contents["events.yaml"]
    assert "to s3://b/k" in contents["logs/digits-0.triton.log"]


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("see https://a.example/b", "see https://a.example/b"),
        ("https://u:p@h/x?a=b end", "https://h/x end"),
        ('{"password": "a b"}', f'{{"password": {REDACTED}}}'),
        ("DB_PASSWORD=hunter2; x", f"DB_PASSWORD={REDACTED}; x"),
        ("aws_secret_access_key = abc/+=", f"aws_secret_access_key = {REDACTED}"),
        ("id AKIAIOSFODNN7EXAMPLE.", f"id {REDACTED}."),
        ("authorization: Basic dTpw", f"authorization: {REDACTED} {REDACTED}"),
        ("x eyJhbGciOiJI.eyJzdWIiOiIx.abc_d-e y", f"x {REDACTED} y"),
        ("-----BEGIN PRIVATE KEY-----\nMII\nend", REDACTED),
        ('secrets "s3" not found', 'secrets "s3" not found'),
        ("top1 0.31: the gate's minimum is 0.9", "top1 0.31: the gate's minimum is 0.9"),
    ],
)
def test_forms_of_secrets(text: str, safe: str) -> None:
    assert scrubbed(text) == safe


def test_names_of_secrets_stay_since_they_are_none() -> None:
    spec = {"secretRef": {"name": "s3"}, "env": [{"name": "A", "valueFrom": {"secretKeyRef": "b"}}]}
    assert redacted(spec) == spec


def test_logs_are_of_what_has_started_and_of_the_run_before() -> None:
    w = world(good, behaviour=lambda _spec: "crash")
    w.settle()
    wanted: list[Any] = list(logs_of(w.look()))
    names = sorted(each.file.split(".", 1)[1] for each in wanted)
    assert names == ["optimizer.log", "triton.previous.log"]


def test_the_same_contents_are_the_same_bytes() -> None:
    now = world(good).now
    assert archive({"b": "1", "a": "2"}, "x", now) == archive({"a": "2", "b": "1"}, "x", now)


def test_earlier_specs_are_taken_out_whole_for_nobody_can_look_into_them() -> None:
    """Packed as they are, a URL's signature in them has no form that could be found."""
    w = world(good)
    w.settle()
    service = w.objects["Service", "digits"]
    assert service["metadata"]["annotations"][SERVED_SPECS_ANNOTATION] != REDACTED
    assert redacted(service)["metadata"]["annotations"][SERVED_SPECS_ANNOTATION] == REDACTED
