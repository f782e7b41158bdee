"""docs/design/faults.md lists what the harness has."""

from pathlib import Path

import pytest

from tests.faults.bugs import BUGS, Bug
from tests.faults.oracles import ORACLES
from tests.faults.steps import ACTIONS

PAGE = (Path(__file__).parents[3] / "docs/design/faults.md").read_text()
FAULTS = set(ACTIONS) - {
    *("wait", "rest", "edit", "again", "revert", "invalid", "recreate", "delete", "scale"),
    *("drift", "foreign", "outcome", "lose-node", "release"),
}
"""Steps that are none of users, others or time."""


@pytest.mark.parametrize("oracle", ORACLES)
def test_every_oracle_is_explained(oracle: str) -> None:
    assert f"| `{oracle}` |" in PAGE


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_every_fault_is_named(fault: str) -> None:
    assert f"`{fault}" in PAGE


@pytest.mark.parametrize("bug", BUGS.values(), ids=list(BUGS))
def test_every_seeded_bug_is_in_the_table_with_its_oracle(bug: Bug) -> None:
    assert f"| {bug.what} | {bug.needs} | `{bug.caught_by}`" in PAGE
