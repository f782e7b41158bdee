"""What `kubectl apply` says about each manifest in invalid/, and that no rule lacks one.

The texts are what a person reads, so they were read and agreed to; they are not regenerated.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.control_plane import ControlPlane
from trifocal.api.crd import crd

pytestmark = pytest.mark.integration

HERE = Path(__file__).parent
CASES = sorted(path.stem for path in (HERE / "invalid").glob("*.yaml"))


@pytest.mark.parametrize("case", CASES)
def test_kubectl_apply_refuses_it_with_this_message(case: str, control_plane: ControlPlane) -> None:
    done = control_plane.kubectl("apply", "-f", f"invalid/{case}.yaml", cwd=HERE)
    assert done.stderr == (HERE / "invalid" / f"{case}.txt").read_text()
    assert (done.returncode, done.stdout) == (1, "")


def validations(schema: Any) -> Iterator[dict[str, str]]:
    """Every x-kubernetes-validations entry at or below a schema."""
    if isinstance(schema, dict):
        yield from schema.get("x-kubernetes-validations", ())
    below = schema.values() if isinstance(schema, dict) else schema
    for each in below if isinstance(schema, dict | list) else ():
        yield from validations(each)


def message_pattern(validation: dict[str, str]) -> str:
    """A regular expression for what this rule prints."""
    if "message" in validation:
        return re.escape(validation["message"])
    literal = validation["messageExpression"].rpartition(".format(")[0]
    template: str = json.loads(literal)
    return re.escape(template).replace("%s", ".+")


RULES = {entry["rule"]: entry for entry in validations(crd())}


def test_there_are_rules() -> None:
    assert len(RULES) > 30


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_of_the_crd_has_a_manifest_that_breaks_it(rule: str) -> None:
    texts = [path.read_text() for path in (HERE / "invalid").glob("*.txt")]
    pattern = re.compile(message_pattern(RULES[rule]))
    assert any(pattern.search(text) for text in texts), f"no manifest breaks {rule}"
