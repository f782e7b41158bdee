"""What the documents list is what the code has."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from trifocal.api.condition import USER_MUST_ACT, Reason
from trifocal.autoscaling.gauges import GAUGES
from trifocal.autoscaling.reason import ScaleReason
from trifocal.cli.manifest_file import read_manifest_file

ROOT = Path(__file__).parents[3]
PAGES = sorted(
    path for pattern in ("*.md", "docs/**/*.md", "examples/**/*.md") for path in ROOT.glob(pattern)
)
POD_TROUBLE = {
    Reason.UNSCHEDULABLE,
    Reason.IMAGE_PULL_FAILED,
    Reason.CRASHING,
    Reason.ARTIFACT_UNREADABLE,
    Reason.POD_REFUSED,
    Reason.SMOKE_UNREACHABLE,
}


def _first_column(page: str) -> Iterator[str]:
    for line in page.splitlines():
        if line.startswith("| "):
            yield line.split("|")[1]


def test_every_package_has_its_reason_and_no_other_is_named() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = (
        project["project"]["dependencies"]
        + project["project"]["optional-dependencies"]["optimizer"]
        + project["project"]["optional-dependencies"]["extended"]
        + project["project"]["optional-dependencies"]["plots"]
        + project["dependency-groups"]["dev"]
    )
    names = {re.split(r"[\[<>=~! ]", requirement)[0] for requirement in wanted} - {"trifocal"}
    page = (ROOT / "docs" / "dependencies.md").read_text()
    listed, _, rest = page.partition("`override-dependencies`")
    cells = (*_first_column(listed), *_first_column(rest.partition("## Development")[2]))
    assert {cell.strip() for cell in cells} - {"package"} == names


def test_every_dependency_that_is_left_out_has_its_reason() -> None:
    overrides = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["uv"][
        "override-dependencies"
    ]
    left_out = {each.split(" ;")[0] for each in overrides if "'never'" in each}
    page = (ROOT / "docs" / "dependencies.md").read_text()
    table = page.partition("`override-dependencies`")[2].partition("## ")[0]
    for name in left_out:
        family = f"{name.partition('-')[0]}-*"
        assert name in table or family in table, name


def test_troubleshooting_covers_every_reason_that_needs_a_person() -> None:
    page = (ROOT / "README.md").read_text()
    listed = {name for cell in _first_column(page) for name in re.findall(r"`(\w+)`", cell)}
    assert {reason.value for reason in USER_MUST_ACT | POD_TROUBLE} <= listed
    assert listed <= {reason.value for reason in Reason}


def test_the_scalers_reasons_and_metrics_are_listed() -> None:
    page = (ROOT / "docs" / "design" / "scaling.md").read_text()
    reasons = page.partition("## Reasons\n")[2].partition("Each comes with")[0]
    assert set(re.findall(r"`(\w+)`", reasons)) == set(ScaleReason)
    metrics = page.partition("## Metrics\n")[2].partition("\n## ")[0]
    assert {name for name, _, _ in GAUGES} <= set(re.findall(r"`(\w+)`", metrics))
    assert f"{len(GAUGES) + 1} each at most" in metrics


def test_the_first_manifest_is_valid(tmp_path: Path) -> None:
    page = (ROOT / "README.md").read_text()
    manifest = page.partition("```yaml\n")[2].partition("```")[0]
    digits = iter("0123456789")
    (tmp_path / "first.yaml").write_text(
        re.sub(r"sha256:\.\.\.", lambda _: f"sha256:{next(digits) * 64}", manifest)
    )
    assert read_manifest_file(tmp_path / "first.yaml").metadata.name == "my-model"


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("name", ["comparison.md", "security.md"])
def test_every_test_that_a_page_names_as_proof_exists(name: str) -> None:
    """By the name of the function, or of a whole module."""
    page = (ROOT / "docs" / name).read_text()
    named = set(re.findall(r"`(test_\w+)`", page))
    files = list((ROOT / "tests").rglob("test_*.py"))
    known = {path.stem for path in files}
    for path in files:
        known.update(re.findall(r"def (test_\w+)\(", path.read_text()))
    assert len(named) > 30
    assert named <= known, named - known


def test_everything_that_security_enforces_is_proved() -> None:
    page = (ROOT / "docs" / "security.md").read_text()
    table = page.partition("## What is enforced")[2].partition("\n## ")[0]
    rows = [line.split("|")[1:-1] for line in table.splitlines() if line.startswith("| ")][1:]
    assert len(rows) > 10
    assert [boundary for boundary, _, proof in rows if "`test_" not in proof] == []


def test_every_yes_of_the_comparison_is_proved() -> None:
    """The last cell is empty only where ours is a plain no."""
    page = (ROOT / "docs" / "comparison.md").read_text()
    rows = [line.split("|")[1:-1] for line in page.splitlines() if line.startswith("| ")]
    features = [cells for cells in rows if cells[0].strip()]
    assert len(features) > 30
    for *_, ours, proof in features:
        assert ("**no" in ours) or proof.strip(), ours
