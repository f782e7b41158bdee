"""One plan per write (Sieve's rule): a scenario, and a kill before or after its n-th write."""

import random
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from tests.faults.comparable import DIRECT
from tests.faults.evidence import Evidence
from tests.faults.oracles import judge
from tests.faults.run import NAME, Run, run
from tests.faults.scenarios import CRASH_SCENARIOS, SCENARIOS
from tests.faults.session import Session
from tests.faults.steps import Step, take


@dataclass(frozen=True)
class CrashPoint:
    """Where the operator is killed; number 0 is the run in which it is not."""

    scenario: str
    number: int = 0
    after: bool = False

    def __str__(self) -> str:
        """For people and for `-k`."""
        return f"{self.scenario}-{'after' if self.after else 'before'}-{self.number}"

    def arm(self, running: Run) -> None:
        """Set the trap."""
        if self.number:
            do = "kill-after" if self.after else "kill-before"
            take(running, Step(do, str(self.number)))


_REVISION = re.compile(f"(?<=^{NAME}-)[0-9a-f]{{10}}$")
WRITES = {"created": 21, "changed": 11, "recreated": 21}
"""Writes of each scenario's last part in a run without faults; `test_crash_points` counts them."""


def all_points() -> list[CrashPoint]:
    """Every write of every reference scenario, killed before and after it."""
    return [
        CrashPoint(scenario, number, after)
        for scenario in CRASH_SCENARIOS
        for number in range(1, WRITES[scenario] + 1)
        for after in (False, True)
    ]


def shuffled(points: Iterable[CrashPoint], seed: int) -> list[CrashPoint]:
    """In the seed's order: a small budget sees others with another seed."""
    order = list(points)
    random.Random(seed).shuffle(order)  # noqa: S311 - an order, not a secret
    return order


def crash(session: Session, point: CrashPoint) -> tuple[Evidence, int]:
    """Make the run: what it left behind, and how many writes the scenario's last part cost."""
    *history, last = SCENARIOS[point.scenario]
    with run(session) as running:
        if not history:
            point.arm(running)
        running.apply()
        for step in history:
            take(running, step)
        if history:
            point.arm(running)
        before = running.writes()
        take(running, last)
        running.rest()
        cost = running.writes() - before
        return running.finish(), cost


def judged(session: Session, point: CrashPoint, reference: Evidence) -> dict[str, list[str]]:
    """What the oracles say, and where the counts differ from those of the run without faults."""
    found, _ = crash(session, point)
    said = judge(found)
    if differing := counts(found) ^ counts(reference):
        said["counts_as_without_faults"] = sorted(map(str, differing))
    return said


def counts(found: Evidence) -> set[tuple[str, str, str, int]]:
    """How often each child was made and deleted: Sieve's summary of state updates.

    A revision's hash covers its owner's uid, so revisions are counted together.
    """
    counted = Counter(
        (change.type, change.kind, _REVISION.sub("REVISION", change.name))
        for change in found.of(*DIRECT)
        if change.type in ("ADDED", "DELETED")
    )
    return {(*what, times) for what, times in counted.items()}
