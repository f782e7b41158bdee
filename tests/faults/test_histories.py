"""Whatever users, others and misfortune do in whatever order, every oracle stays silent.

Steps are drawn as a list and not by a rule-based state machine: every step may come at any time, so
no rule has a precondition, and a plain list can be written down, replayed and cut anywhere.
A process answers in its own time, so the same list need not fail twice: each list is run once and
its verdict is remembered, and hypothesis shrinks within the budget on what really happened.
"""

import os
from itertools import count

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as begin_with

from tests.faults.budget import Share, seed
from tests.faults.oracles import judge
from tests.faults.run import run
from tests.faults.scenarios import FAILED_ONCE
from tests.faults.session import Session
from tests.faults.steps import parse, take
from tests.faults.strategies import Steps, histories

pytestmark = [pytest.mark.integration, pytest.mark.timeout(0)]

Verdict = dict[str, list[str]]
_BATCH = settings(
    max_examples=5,
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate, Phase.shrink],
)
"""Few examples for each seed: hypothesis cannot be told to end when the time is over."""


def happened(session: Session, steps: Steps) -> Verdict:
    """One run from a first apply through all steps to its end."""
    with run(session) as running:
        running.apply()
        for step in steps:
            take(running, step)
        return judge(running.finish())


def written(steps: Steps) -> str:
    return "; ".join(map(str, steps))


def test_every_history_ends_as_it_should(session: Session) -> None:
    share = Share(0.6)
    verdicts: dict[Steps, Verdict] = {}

    def ends_well(steps: Steps) -> None:
        if steps not in verdicts:
            if not share.is_left():
                return
            share.use()
            verdicts[steps] = happened(session, steps)
            said = verdicts[steps] or "as it should"
            print(f"{written(steps)}: {said}", flush=True)  # noqa: T201
        assert verdicts[steps] == {}, f'replay with FAULT_STEPS="{written(steps)}"'

    for number in count(seed()):
        begin_with(number)(_BATCH(given(histories)(ends_well)))()
        if not share.is_left():
            break
    print(f"{share.used} histories, FAULT_SEED={seed()} to {number}")  # noqa: T201


@pytest.mark.parametrize("steps", FAILED_ONCE)
def test_what_failed_once_does_not_fail_again(session: Session, steps: str) -> None:
    assert happened(session, parse(steps)) == {}


@pytest.mark.skipif("FAULT_STEPS" not in os.environ, reason="FAULT_STEPS names no history")
def test_the_history_of_fault_steps_ends_as_it_should(session: Session) -> None:
    assert happened(session, parse(os.environ["FAULT_STEPS"])) == {}
