"""Our health check for Argo CD, tested the way argo-cd tests those that it ships.

`TestLuaHealthScript` in util/lua/health_test.go reads each `health_test.yaml` and compares status
and message for each input; the layout is that of argo-cd's `resource_customizations`.
"""

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.argocd import Health, health_check

FOLDER = (
    Path(__file__).parents[3] / "gitops/argocd/resource_customizations/trifocal.dev/ModelDeployment"
)
CHECK = health_check(FOLDER / "health.lua")
CASES: list[dict[str, Any]] = yaml.safe_load((FOLDER / "health_test.yaml").read_text())["tests"]
HARMLESS = [
    {"type": "Stopped", "status": "False", "reason": "New", "message": "A later release's."},
    {"type": "Stalled", "status": "False", "reason": "New", "message": "A later release's."},
]


def read(case: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((FOLDER / case["inputPath"]).read_text())
    return found


@pytest.mark.parametrize("case", CASES, ids=lambda case: Path(case["inputPath"]).stem)
def test_each_case_has_the_expected_health(case: dict[str, Any]) -> None:
    found = CHECK(read(case))
    assert {"status": found.status, "message": found.message} == case["healthStatus"]


def test_every_input_is_used_and_every_health_shown() -> None:
    used = {case["inputPath"] for case in CASES}
    assert used == {f"testdata/{path.name}" for path in (FOLDER / "testdata").iterdir()}
    assert {case["healthStatus"]["status"] for case in CASES} == set(Health)


@pytest.mark.parametrize("case", CASES, ids=lambda case: Path(case["inputPath"]).stem)
@pytest.mark.parametrize("first", [True, False], ids=["first", "last"])
def test_a_condition_that_a_later_release_adds_changes_nothing(
    case: dict[str, Any], *, first: bool
) -> None:
    """KServe's users were shown Progressing when it began to report `Stopped: False` (#4791)."""
    obj = read(case)
    before = CHECK(obj)
    if conditions := obj.get("status", {}).get("conditions"):
        kept = [c for c in HARMLESS if c["type"] not in {each["type"] for each in conditions}]
        obj["status"]["conditions"] = [*kept, *conditions] if first else [*conditions, *kept]
    assert CHECK(obj) == before


def test_a_status_without_conditions_is_progressing() -> None:
    obj = {"metadata": {"generation": 1}, "spec": {}, "status": {"observedGeneration": 1}}
    assert CHECK(obj).status is Health.PROGRESSING
