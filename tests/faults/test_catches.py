"""The harness proves itself: it catches bugs that are put in on purpose."""

import random

import pytest

from tests.faults.budget import Share, seed
from tests.faults.bugs import BUGS
from tests.faults.catches import caught, true_work
from tests.faults.oracles import ORACLES
from tests.faults.scenarios import SCENARIOS
from tests.support.control_plane import control_plane

pytestmark = [pytest.mark.integration, pytest.mark.timeout(0)]


def test_seeded_bugs_are_caught_by_the_oracle_that_is_there_for_them() -> None:
    share = Share(0.2)
    names = list(BUGS)
    random.Random(seed()).shuffle(names)  # noqa: S311 - an order, not a secret
    missed: dict[str, object] = {}
    with control_plane() as plane:
        while names and share.is_left():
            share.use()
            name = names.pop()
            fresh, wrong = true_work(plane, [BUGS[name].needs])
            assert wrong == {}
            said = caught(plane, name, fresh)
            if BUGS[name].caught_by not in said:
                missed[name] = said
    print(f"{share.used} of {len(BUGS)} seeded bugs (FAULT_SEED={seed()})")  # noqa: T201
    assert missed == {}


def test_every_bug_names_an_oracle_and_a_scenario() -> None:
    assert {bug.caught_by for bug in BUGS.values()} <= set(ORACLES)
    assert {bug.needs for bug in BUGS.values()} <= set(SCENARIOS)
