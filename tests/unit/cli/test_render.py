"""What `trifocal render` prints is what the operator makes, but for what only a cluster knows."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from tests.support import results
from tests.support.manifests import Manifest, changed, minimal
from tests.support.world import START, World, world
from trifocal.api.manifest import parse_file
from trifocal.cli.render.command import render
from trifocal.cli.render.rendering import Rendered, rendered
from trifocal.optimizer.contract import OptimizationResult
from trifocal.settings import Settings


def good(_digest: str, _body: Manifest) -> OptimizationResult:
    return results.artifact()


def never(_digest: str, _body: Manifest) -> None:
    return None


def children() -> Rendered:
    return rendered(parse_file(minimal()), Settings(), START)


def named(manifests: Any) -> dict[tuple[str, str], Any]:
    return {(m["kind"], m["metadata"]["name"]): m for m in manifests}


def first_pass(w: World) -> Any:
    made = w.reconcile()
    return named(made.apply)


def test_at_once_it_is_what_the_first_pass_applies() -> None:
    applied = first_pass(world(never))
    found = named(children().at_once)
    assert found.keys() == applied.keys()
    for key, manifest in found.items():
        theirs = dict(applied[key])
        assert manifest.get("spec") == theirs.get("spec")
        assert manifest.get("data") == theirs.get("data")
        assert "ownerReferences" not in manifest["metadata"]


def test_later_it_is_the_revision_with_placeholders() -> None:
    w = world(good)
    w.settle()
    found = children().when_optimized
    assert [each["kind"] for each in found] == ["ConfigMap", "Deployment"]
    [config_map, deployment] = found
    name = config_map["metadata"]["name"]
    assert name == deployment["metadata"]["name"]
    live = w.objects["Deployment", f"digits-{w.selected()}"]
    mine, theirs = (
        {c["name"]: c["image"] for c in d["spec"]["template"]["spec"]["containers"]}
        for d in (deployment, live)
    )
    assert mine == theirs
    assert "0" * 64 in str(deployment)


def test_placeholders_are_shaped_after_the_revision_that_will_be() -> None:
    body = changed(minimal(), "spec.serving.headroom", {"replicas": 2})
    found = rendered(parse_file(body), Settings(), START).when_optimized
    assert [each["kind"] for each in found] == ["ConfigMap", "Deployment", "Deployment"]
    assert found[-1]["metadata"]["name"] == "digits-headroom"
    assert found[-1]["spec"]["replicas"] == 2


def run(folder: Path, text: str, **environment: str) -> tuple[int, str]:
    (folder / "file.yaml").write_text(text)
    arguments = ["-f", str(folder / "file.yaml")]
    done = CliRunner(env=environment).invoke(render, arguments)
    return done.exit_code, done.output


def test_every_document_says_when_it_is_made(tmp_path: Path) -> None:
    code, text = run(tmp_path, yaml.safe_dump(minimal()))
    assert code == 0
    documents = text.split("---\n")[1:]
    assert [each.partition("\n")[0][:12] for each in documents] == [
        *["# made at on"] * 6,
        *["# made when "] * 2,
    ]
    kinds = [each["kind"] for each in yaml.safe_load_all(text)]
    assert sorted(kinds[:6]) == [
        *("ConfigMap", "Job", "NetworkPolicy", "NetworkPolicy", "PodDisruptionBudget", "Service")
    ]


def test_the_operators_settings_are_the_environments(tmp_path: Path) -> None:
    _, text = run(tmp_path, yaml.safe_dump(minimal()), TRIFOCAL_TRITON_VERSION="27.01")
    assert "nvcr.io/nvidia/tritonserver:27.01-py3" in text


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"kind": "Secret"}, "holds 0 objects of kind ModelDeployment"),
        ({"spec": {}}, "spec.model: It is required; add it."),
    ],
)
def test_what_cannot_be_rendered_is_told(
    tmp_path: Path, change: dict[str, Any], words: str
) -> None:
    code, text = run(tmp_path, yaml.safe_dump(minimal() | change))
    assert code == 3
    assert words in text


def test_an_image_that_is_missing_is_named(tmp_path: Path) -> None:
    body = minimal()
    body["spec"]["model"]["format"] = "keras"
    code, text = run(tmp_path, yaml.safe_dump(body))
    assert code == 3
    assert "optimizer.extendedImage" in text
    code, _ = run(tmp_path, yaml.safe_dump(body), TRIFOCAL_OPTIMIZER_EXTENDED_IMAGE="extended:1")
    assert code == 0
