"""Our actions for Argo CD, tested the way argo-cd tests those that it ships.

`TestLuaResourceActionsScript` in util/lua/custom_actions_test.go reads each `action_test.yaml`,
and compares what is offered, and what an action makes of an object.
"""

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.argocd import action, discovery
from trifocal.api.manifest import parse

ARGOCD = Path(__file__).parents[3] / "gitops/argocd"
KIND = ARGOCD / "resource_customizations/trifocal.dev/ModelDeployment"
FOLDER = KIND / "actions"
CASES: dict[str, list[dict[str, Any]]] = yaml.safe_load((FOLDER / "action_test.yaml").read_text())
ACTIONS = sorted(path.parent.name for path in FOLDER.glob("*/action.lua"))


def read(path: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((FOLDER / path).read_text())
    return found


@pytest.mark.parametrize("case", CASES["discoveryTests"], ids=lambda case: case["inputPath"])
def test_each_case_is_offered_the_expected_actions(case: dict[str, Any]) -> None:
    offered = discovery(FOLDER / "discovery.lua")(read(case["inputPath"]))
    assert offered == {each["name"]: each["disabled"] for each in case["result"]}
    assert sorted(offered) == ACTIONS


@pytest.mark.parametrize("case", CASES["actionTests"], ids=lambda case: case["action"])
def test_each_action_makes_the_expected_object(case: dict[str, Any]) -> None:
    made = action(FOLDER / case["action"] / "action.lua")(read(case["inputPath"]))
    assert made == read(case["expectedOutputPath"])
    parse({**made, "metadata": {**made["metadata"], "uid": "1"}})


def test_every_action_has_a_case() -> None:
    assert sorted({case["action"] for case in CASES["actionTests"]}) == ACTIONS


def test_the_config_map_holds_what_lies_in_the_folder() -> None:
    """argo-cd's docs/operator-manual/health.md and resource_actions.md name keys and form."""
    config_map = yaml.safe_load((ARGOCD / "argocd-cm.yaml").read_text())
    key = "resource.customizations.{}.trifocal.dev_ModelDeployment"
    assert set(config_map["data"]) == {key.format("health"), key.format("actions")}
    assert config_map["data"][key.format("health")] == (KIND / "health.lua").read_text()
    actions = yaml.safe_load(config_map["data"][key.format("actions")])
    assert actions == {
        "discovery.lua": (FOLDER / "discovery.lua").read_text(),
        "definitions": [
            {"name": name, "action.lua": (FOLDER / name / "action.lua").read_text()}
            for name in ACTIONS
        ],
    }
