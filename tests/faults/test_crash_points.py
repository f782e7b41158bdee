"""A kill at any write of a reference scenario is repaired, and nothing is made or deleted twice."""

import pytest

from tests.faults.budget import Share, seed
from tests.faults.crash_points import (
    WRITES,
    CrashPoint,
    all_points,
    crash,
    judged,
    shuffled,
)
from tests.faults.evidence import Evidence
from tests.faults.oracles import judge
from tests.faults.scenarios import CRASH_SCENARIOS
from tests.faults.session import Session

pytestmark = [pytest.mark.integration, pytest.mark.timeout(0)]


def test_the_operator_survives_a_kill_at_each_write(session: Session) -> None:
    share = Share(0.4)
    references: dict[str, Evidence] = {}
    wrong: dict[str, dict[str, list[str]]] = {}
    points = shuffled(all_points(), seed())
    for point in points:
        if not share.is_left():
            break
        if point.scenario not in references:
            references[point.scenario] = reference(session, point.scenario)
        share.use()
        if said := judged(session, point, references[point.scenario]):
            wrong[str(point)] = said
        print(f"{point}: {said or 'as it should'}", flush=True)  # noqa: T201
    print(f"{share.used} of {len(points)} crash points (FAULT_SEED={seed()})")  # noqa: T201
    assert wrong == {}


def reference(session: Session, scenario: str) -> Evidence:
    found, _ = crash(session, CrashPoint(scenario))
    assert judge(found) == {}, scenario
    return found


def test_every_write_is_a_crash_point() -> None:
    assert set(WRITES) == set(CRASH_SCENARIOS)
    assert len(all_points()) == 2 * sum(WRITES.values())
