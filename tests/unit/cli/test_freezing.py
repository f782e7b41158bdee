"""A frozen manifest pins today's choices, and applying it changes nothing."""

from dataclasses import replace
from typing import Any

import pytest
import yaml

from tests.support import results
from tests.support.manifests import Manifest, changed, digest
from tests.support.world import World, world
from tests.support.world_seen import seen
from trifocal.cli.freeze.freezing import Frozen, as_yaml, freeze
from trifocal.cli.in_force import configured, is_reproduced, settings_in_force
from trifocal.optimizer.contract import OptimizationResult
from trifocal.settings import Settings

PYTHON_TRITON = "registry.example.com/triton:mine"


def good(_digest: str, _body: Manifest) -> OptimizationResult:
    return results.artifact()


def never(_digest: str, _body: Manifest) -> None:
    return None


def settled(w: World) -> World:
    w.settle()
    return w


def frozen(w: World) -> Frozen:
    found = seen(w)
    settings = settings_in_force(found, ())
    assert is_reproduced(found, settings, w.now)
    return freeze(found, settings, w.now)


def paths(found: Frozen) -> list[str]:
    return [".".join(pin.path) for pin in found.pinned]


def with_training(w: World) -> World:
    place = {"uri": "file:///models/t.tar", "claimName": "models", "digest": digest("b")}
    w.body = changed(w.body, "spec.optimization.datasets.training", place)
    return w


@pytest.mark.parametrize(
    "w",
    [
        world(good),
        world(never),
        world(good, settings=Settings(triton_image=PYTHON_TRITON, triton_backend="python")),
        world(good, settings=Settings(triton_image=PYTHON_TRITON)),
        world(good, settings=Settings(image_pull_policy="Always")),
        with_training(world(good, settings=Settings(optimizer_extended_image="extended:1"))),
    ],
    ids=["served", "under way", "python backend", "own Triton", "pull always", "training data"],
)
def test_applying_it_changes_nothing(w: World) -> None:
    settled(w)
    made, moves, revision = list(w.made), list(w.moves), w.selected()
    optimization = w.body["status"]["optimization"]
    manifest = yaml.safe_load(as_yaml(frozen(w), w.now))
    assert manifest["spec"] != w.body["spec"]
    w.edit(lambda body: {**body, "spec": manifest["spec"]})
    first = w.reconcile()
    assert (first.apply, first.delete) == ((), ())
    w.settle()
    assert (w.made, w.moves, w.selected()) == (made, moves, revision)
    assert w.body["status"]["optimization"] == optimization


def test_it_holds_against_another_default_of_the_operator() -> None:
    w = settled(world(good))
    moved, held = settled(world(good)), w
    manifest = frozen(held).manifest
    held.edit(lambda body: {**body, "spec": manifest["spec"]})
    before = held.selected()
    for each in (moved, held):
        each.settings = Settings(triton_version="27.01")
        each.settle()
    assert held.selected() == before
    assert moved.selected() != before


def test_every_choice_says_where_it_came_from() -> None:
    w = settled(world(good))
    told = as_yaml(frozen(w), w.now).splitlines()
    request, revision = w.body["status"]["optimization"]["request"], w.selected()
    assert told[:7] == [
        "# digits in namespace default, frozen at 2026-01-01T12:02:00+00:00.",
        "# What Trifocal chose has a comment; the rest is yours, or a default of the API that is",
        "# written into every object.",
        f"# Applying it changes nothing: request {request[:19]} and revision {revision} stay.",
        "# Left open, because to pin it would start another optimization or other pods:",
        "# - spec.optimization.gate.accuracy.metric: top1 (the default for classification)",
        "# - the winner, fp16, as the only candidate",
    ]
    rest = [line.strip() for line in told]
    above = {field: rest[rest.index(field) - 1] for field in ("precisions:", "triton:")}
    assert above == {
        "precisions:": "# Trifocal's default: every way that the data allow. "
        "fp16 was chosen of 2 candidates (artifact sha256:ffffffffffff).",
        "triton:": "# The operator's default (triton.* in its chart).",
    }


def test_the_precisions_are_those_that_need_no_data() -> None:
    """The minimal manifest has no calibration and no training data."""
    manifest = frozen(settled(world(good))).manifest
    optimization = manifest["spec"]["optimization"]
    assert optimization["precisions"] == [
        *("fp32", "fp16", "int8-dynamic", "int8-weights", "codebook8")
    ]
    assert optimization["pruning"] == []


def test_with_training_data_pruning_is_pinned_as_documented() -> None:
    w = settled(with_training(world(good, settings=Settings(optimizer_extended_image="x:1"))))
    assert frozen(w).manifest["spec"]["optimization"]["pruning"] == [
        {"method": "structured", "ratio": 0.3},
        {"method": "structured", "ratio": 0.5},
    ]


def test_what_the_user_names_is_not_touched() -> None:
    w = world(good)
    w.body = changed(w.body, "spec.optimization.precisions", ["fp16"])
    w.body = changed(w.body, "spec.serving.triton", {"version": "26.05"})
    found = frozen(settled(w))
    assert paths(found) == ["optimization.pruning"]
    assert found.manifest["spec"]["serving"]["triton"] == {"version": "26.05"}


def test_what_tools_wrote_when_they_applied_it_is_left_out() -> None:
    w = world(good)
    labels = {"team": "vision", "kustomize.toolkit.fluxcd.io/name": "models"}
    notes = {
        "kubectl.kubernetes.io/last-applied-configuration": "{}",
        "argocd.argoproj.io/tracking-id": "a",
        "example.com/owner": "me",
    }
    w.body["metadata"] |= {"labels": labels, "annotations": notes, "managedFields": [{}]}
    manifest: Any = frozen(settled(w)).manifest
    assert manifest["metadata"] == {
        "name": "digits",
        "namespace": "default",
        "labels": {"team": "vision"},
        "annotations": {"example.com/owner": "me"},
    }
    assert set(manifest) == {"apiVersion", "kind", "metadata", "spec"}


def test_another_release_of_the_operator_is_noticed() -> None:
    w = settled(world(good))
    w.body = changed(w.body, "status.optimization.request", digest("0"))
    assert not is_reproduced(seen(w), settings_in_force(seen(w), ()), w.now)


def test_a_status_about_an_older_spec_proves_nothing() -> None:
    w = settled(world(good))
    w.edit(lambda body: changed(body, "spec.replicas", 2))
    assert not is_reproduced(seen(w), settings_in_force(seen(w), ()), w.now)


def deployment(*env: dict[str, Any]) -> Manifest:
    containers = [{"name": "operator", "env": list(env)}]
    return {
        "metadata": {"name": "trifocal-operator", "namespace": "ml-system"},
        "spec": {"template": {"spec": {"containers": containers}}},
    }


def test_the_operators_own_settings_are_read_where_they_may_be() -> None:
    one = deployment(
        {"name": "TRIFOCAL_TRITON_IMAGE", "value": PYTHON_TRITON},
        {"name": "TRIFOCAL_TRITON_BACKEND", "value": "python"},
        {"name": "TRIFOCAL_PROMETHEUS_URL", "value": "http://prometheus"},
        {"name": "TRIFOCAL_POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
    )
    assert configured(one) == Settings(
        namespace="ml-system", triton_image=PYTHON_TRITON, triton_backend="python"
    )
    w = settled(world(good))
    assert settings_in_force(seen(w), (one,)).triton_image == PYTHON_TRITON


def test_of_two_operators_neither_is_believed() -> None:
    w = settled(world(good))
    both = (deployment({"name": "TRIFOCAL_TRITON_IMAGE", "value": "x:1"}), deployment())
    settings = settings_in_force(seen(w), both)
    assert settings.triton_image == "nvcr.io/nvidia/tritonserver:26.07-py3"


def test_the_callers_environment_has_no_say(monkeypatch: pytest.MonkeyPatch) -> None:
    w = settled(world(good))
    monkeypatch.setenv("TRIFOCAL_TRITON_VERSION", "20.01")
    assert settings_in_force(seen(w), (deployment(),)).triton_version == "26.07"


def test_an_object_without_children_can_be_frozen() -> None:
    w = world(never)
    w.reconcile()
    bare = replace(seen(w))
    assert paths(freeze(bare, settings_in_force(bare, ()), w.now)) == [
        *("optimization.precisions", "optimization.pruning", "serving.triton")
    ]
