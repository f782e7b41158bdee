"""`trifocal optimize`: a manifest on a laptop, and one sentence for each problem."""

import hashlib
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from tests.support.manifests import changed, digest, minimal
from tests.support.tiny_models import LABELS, SIZE, colour_classifier, dataset, save
from trifocal.api.manifest import parse_file
from trifocal.api.status import CandidateStatus
from trifocal.api.target import Runtime
from trifocal.cli.manifest_file import ManifestFileError
from trifocal.cli.optimize import candidates_table, local_request, optimize

RUNTIMES: tuple[Runtime, ...] = ("onnxruntime", "litert")


def location(path: Path) -> dict[str, str]:
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return {"uri": f"file:///{path.name}", "claimName": "data", "digest": f"sha256:{digest}"}


@pytest.fixture
def manifest(tmp_path: Path) -> dict[str, Any]:
    data = tmp_path / "data"
    data.mkdir()
    return {
        "apiVersion": "trifocal.dev/v1alpha1",
        "kind": "ModelDeployment",
        "metadata": {"name": "colours"},
        "spec": {
            "model": {
                "source": location(save(colour_classifier(), data / "model.onnx")),
                "task": "classification",
                "inputs": [{"name": "x", "shape": [3, SIZE, SIZE]}],
                "labels": list(LABELS),
            },
            "optimization": {
                "precisions": ["fp32", "int8"],
                "datasets": {
                    "calibration": location(dataset(data / "calibration.tar")),
                    "evaluation": location(
                        dataset(data / "evaluation.tar", per_class=4, first_seed=100)
                    ),
                },
            },
            "artifacts": {"uri": "file:///artifacts", "claimName": "store"},
        },
    }


def at(path: str) -> dict[str, str]:
    """A file on the claim that the path begins with."""
    claim_name, _, name = path.partition("/")
    return {"uri": f"file:///{name}", "claimName": claim_name, "digest": digest("c")}


def run(folder: Path, manifest: Any, *options: str) -> Result:
    (folder / "md.yaml").write_text(
        manifest if isinstance(manifest, str) else yaml.safe_dump(manifest)
    )
    arguments = ["-f", str(folder / "md.yaml"), "--out", str(folder / "out"), *options]
    return CliRunner().invoke(optimize, arguments)


def claim(folder: Path) -> str:
    return f"--claim=data={folder / 'data'}"


def test_artifact_report_and_table(tmp_path: Path, manifest: dict[str, Any]) -> None:
    result = run(tmp_path, manifest, claim(tmp_path))

    assert result.exit_code == 0, result.output
    assert "Candidates for colours" in result.output
    for name in ("source", "fp32", "int8", "Chosen"):
        assert name in result.output
    assert len(list((tmp_path / "out/artifacts").glob("*/manifest.json"))) == 1
    assert len(list((tmp_path / "out/reports").glob("*.json"))) == 1


def test_plain_output_has_one_line_for_each_step(tmp_path: Path, manifest: dict[str, Any]) -> None:
    lines = run(tmp_path, manifest, claim(tmp_path)).output.splitlines()

    steps = [line[6:] for line in lines if line[3:5] == " %"]
    assert steps[0] == "looking for an earlier result"
    assert steps[-1] == "publishing the artifact"
    assert len(steps) == len(set(steps))


def test_second_run_finds_the_first_ones_result(tmp_path: Path, manifest: dict[str, Any]) -> None:
    run(tmp_path, manifest, claim(tmp_path))

    again = run(tmp_path, manifest, claim(tmp_path))

    assert again.exit_code == 0
    assert "building candidates" not in again.output


def test_missing_claim_says_how_to_give_it(tmp_path: Path, manifest: dict[str, Any]) -> None:
    result = run(tmp_path, manifest)

    assert result.exit_code == 1
    assert result.output.splitlines()[0] == (
        "spec.model.source.claimName: names the claim 'data'; give its folder with "
        "--claim data=DIR."
    )
    assert len(result.output.splitlines()) == 3


def test_missing_secret_says_how_to_give_it(tmp_path: Path, manifest: dict[str, Any]) -> None:
    source = manifest["spec"]["model"]["source"]
    source.update(uri="https://example.org/model.onnx", secretRef={"name": "token"})
    del source["claimName"]

    result = run(tmp_path, manifest, claim(tmp_path))

    assert result.output == (
        "spec.model.source.secretRef: names the Secret 'token'; give its folder with "
        "--secret token=DIR.\n"
    )


def test_every_role_finds_its_bytes_on_this_machine(tmp_path: Path) -> None:
    places = [{"models": tmp_path / "m", "data": tmp_path / "d"}, {}]
    whole = changed(minimal(), "spec.optimization.distillation.teacher", at("models/teacher.onnx"))
    for role in ("training", "calibration", "unlabelled"):
        whole = changed(whole, f"spec.optimization.datasets.{role}", at(f"data/{role}.tar"))

    request = local_request(parse_file(whole), tmp_path / "out", *places)

    assert request.source.uri == f"file://{tmp_path}/m/models/digits.onnx"
    assert request.teacher
    assert request.teacher.uri == f"file://{tmp_path}/m/teacher.onnx"
    for location in (request.training, request.calibration, request.unlabelled):
        assert location
        assert location.uri.startswith(f"file://{tmp_path}/d/")
    assert request.store.uri == f"file://{tmp_path}/out"


def test_every_claim_that_is_missing_is_named_with_its_field(tmp_path: Path) -> None:
    teacher = "spec.optimization.distillation.teacher"
    whole = changed(minimal(), teacher, at("teachers/teacher.onnx"))

    with pytest.raises(ManifestFileError) as caught:
        local_request(parse_file(whole), tmp_path, {"models": tmp_path}, {})

    assert str(caught.value) == (
        f"{teacher}.claimName: names the claim 'teachers'; give its folder with "
        "--claim teachers=DIR."
    )


def test_candidates_stand_by_target() -> None:
    whole = changed(minimal(), "spec.optimization.targets", [{"runtime": r} for r in RUNTIMES])
    rows = [
        CandidateStatus(name=name, target=target, verdict="Passed")
        for name in ("fp32", "int8")
        for target in RUNTIMES
    ]

    table = candidates_table(rows, parse_file(whole))

    cells = list(zip(*(column.cells for column in table.columns[:2]), strict=True))
    assert cells == [("onnxruntime", "fp32"), ("", "int8"), ("litert", "fp32"), ("", "int8")]


def test_every_problem_of_the_manifest_is_a_sentence(
    tmp_path: Path, manifest: dict[str, Any]
) -> None:
    model = manifest["spec"]["model"]
    model["labels"] = []
    model["preprocesing"] = {}
    del model["task"]

    result = run(tmp_path, manifest, claim(tmp_path))

    assert result.exit_code == 1
    lines = result.output.splitlines()
    assert "spec.model.task: It is required; add it." in lines
    assert "spec.model.preprocesing: There is no such field; did you mean preprocessing?" in lines
    assert "spec.model.labels: There must be at least 1 item, not 0." in lines
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("kind: [", "md.yaml: is not YAML"),
        ("kind: Deployment", "md.yaml: holds 0 objects of kind ModelDeployment; it must hold one."),
        ("kind: ModelDeployment\napiVersion: v1", "write apiVersion: trifocal.dev/v1alpha1"),
    ],
)
def test_file_that_is_no_manifest(tmp_path: Path, content: str, sentence: str) -> None:
    result = run(tmp_path, content)

    assert result.exit_code == 1
    assert sentence in result.output


def test_failure_ends_with_reason_and_sentence(tmp_path: Path, manifest: dict[str, Any]) -> None:
    manifest["spec"]["model"]["labels"] = ["red", "green", "blue", "cyan"]

    result = run(tmp_path, manifest, claim(tmp_path))

    assert result.exit_code == 1
    assert result.output.splitlines()[-1].startswith(
        "LabelsMismatch: Output 'scores' has 3 scores for each image, but spec.model.labels has 4"
    )
